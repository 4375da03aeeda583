import type { components } from "./schema";

type Schemas = components["schemas"];

export type ServerEvent = Schemas["ServerEvent"];
export type Session = Schemas["SessionOut"];
export type Lead = Schemas["LeadOut"];
export type DialCheck = Schemas["DialCheckOut"];
export type Call = Schemas["CallOut"];
export type CallWithSpeech = Schemas["CallListItem"];
export type CallPage = Schemas["CallPage"];
export type CallStatus = Call["status"];
export type Disposition = NonNullable<Call["disposition"]>;
export type Segment = Schemas["SegmentOut"];
export type Correction = NonNullable<Segment["correction"]>;
export type Speaker = NonNullable<Segment["speaker"]>;
export type SpeechSpan = Schemas["SpeechSpan"];
export type Receipt = Schemas["ReceiptOut"];
export type Balance = Schemas["BalanceOut"];
export type Pack = Schemas["PackOut"];
export type Entry = Schemas["EntryOut"];
export type Checkout = Schemas["CheckoutOut"];
export type CheckoutState = Schemas["CheckoutStateOut"];
export type Answer = Schemas["AnswerOut"];
export type Quote = Schemas["QuoteOut"];
export type Insights = Schemas["InsightsOut"];
export type Insight = Schemas["InsightOut"];
