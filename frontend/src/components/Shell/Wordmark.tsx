/** The name and its mark: three hops, the last one ringed. */
export function Wordmark() {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 8, fontWeight: 600, fontSize: 15 }}>
      <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
        <path d="M4.6 12.2 7.4 8.8M10.5 6.9l2-1.2" stroke="currentColor" strokeWidth="1.4" />
        <circle cx="3.4" cy="13.6" r="2" fill="currentColor" />
        <circle cx="8.8" cy="7.6" r="2" fill="currentColor" />
        <circle cx="14.2" cy="4.6" r="2.4" fill="none" stroke="currentColor" strokeWidth="1.6" />
      </svg>
      Hopwatch
    </span>
  );
}
