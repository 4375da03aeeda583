import { countryName } from "../../format/country";

/** Where most imported numbers are from, by their names; others are written with their country code. ISO 3166. */
export const COUNTRIES = [
  ..."AE AT AU BE BR CA CH CZ DE DK EE ES FI FR GB GR HU IE IL IN IT JP LT LU LV MX NL NO NZ".split(" "),
  ..."PH PL PT RO SE SG SI SK TR UA US ZA".split(" "),
].sort((one, other) => countryName(one).localeCompare(countryName(other), "en"));

/** That of the browser's language, if it says one that can be chosen. */
export function likelyCountry(): string {
  const region = new Intl.Locale(navigator.language).region ?? "";
  return COUNTRIES.includes(region) ? region : "";
}
