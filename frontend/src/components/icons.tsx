import type { ReactNode } from "react";

function icon(drawing: ReactNode) {
  return function Icon({ size = 18 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.75}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {drawing}
      </svg>
    );
  };
}

const handset = (
  <path d="M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2z" />
);

export const PhoneIcon = icon(handset);
export const HangUpIcon = icon(
  <path d="M3 15.5c0-4 4-6.5 9-6.5s9 2.5 9 6.5c0 1-.6 1.5-1.5 1.3l-3.2-.8c-.7-.2-1.1-.7-1.1-1.4v-2a11 11 0 0 0-6.4 0v2c0 .7-.4 1.2-1.1 1.4l-3.2.8C3.6 17 3 16.5 3 15.5z" />,
);
export const CallsIcon = icon(
  <>
    <path d="M4 8h8" />
    <path d="M16 8h4" />
    <path d="M4 16h3" />
    <path d="M11 16h9" />
  </>,
);
export const QueueIcon = icon(
  <>
    <path d="M4 6h10" />
    <path d="M4 12h10" />
    <path d="M4 18h6" />
    <path d="M15 15l3 3 3-3" />
    <path d="M18 6v12" />
  </>,
);
export const LeadsIcon = icon(
  <>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M3 20a6 6 0 0 1 12 0" />
    <path d="M16 5a3.5 3.5 0 0 1 0 6.5" />
    <path d="M18 14.5a6 6 0 0 1 3 5.5" />
  </>,
);
export const TeamIcon = icon(
  <>
    <circle cx="12" cy="7.5" r="3" />
    <path d="M6.5 19a5.5 5.5 0 0 1 11 0" />
    <path d="M5.5 6.5a2.5 2.5 0 0 0 0 4.5" />
    <path d="M2.5 17.5a4.5 4.5 0 0 1 2.5-4" />
    <path d="M18.5 6.5a2.5 2.5 0 0 1 0 4.5" />
    <path d="M21.5 17.5a4.5 4.5 0 0 0-2.5-4" />
  </>,
);
export const AskIcon = icon(
  <>
    <path d="M4 5h16v11H9l-5 4z" />
    <path d="M8.5 9h7" />
    <path d="M8.5 12h4" />
  </>,
);
export const CreditsIcon = icon(
  <>
    <rect x="3" y="6" width="18" height="13" rx="2" />
    <path d="M3 10h18" />
    <path d="M7 15h3" />
  </>,
);
export const ShieldIcon = icon(<path d="M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z" />);
export const SettingsIcon = icon(
  <>
    <path d="M4 7h9" />
    <path d="M17 7h3" />
    <circle cx="15" cy="7" r="2" />
    <path d="M4 17h3" />
    <path d="M11 17h9" />
    <circle cx="9" cy="17" r="2" />
  </>,
);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6" />
    <path d="M20 20l-4.5-4.5" />
  </>,
);
export const PlusIcon = icon(
  <>
    <path d="M12 5v14" />
    <path d="M5 12h14" />
  </>,
);
export const MoreIcon = icon(
  <>
    <path d="M4 7h16" />
    <path d="M4 12h16" />
    <path d="M4 17h16" />
  </>,
);
export const ArrowIcon = icon(
  <>
    <path d="M5 12h14" />
    <path d="M13 6l6 6-6 6" />
  </>,
);
export const WallIcon = icon(
  <>
    <rect x="3" y="4" width="8" height="7" rx="1.5" />
    <rect x="13" y="4" width="8" height="7" rx="1.5" />
    <rect x="3" y="13" width="8" height="7" rx="1.5" />
    <rect x="13" y="13" width="8" height="7" rx="1.5" />
  </>,
);
export const EyeIcon = icon(
  <>
    <path d="M2.5 12s3.5-6 9.5-6 9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6z" />
    <circle cx="12" cy="12" r="2.5" />
  </>,
);
export const LeaveIcon = icon(
  <>
    <path d="M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8" />
    <path d="M10 12h10" />
    <path d="M16.5 8.5L20 12l-3.5 3.5" />
  </>,
);
export const CheckIcon = icon(<path d="M5 12.5l4.5 4.5L19 7.5" />);
