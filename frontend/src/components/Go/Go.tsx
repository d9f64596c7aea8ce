/** A link to another view that keeps the time range and the zone. */
import type { AnchorHTMLAttributes } from "react";
import { Link, useSearch } from "wouter";
import { hrefWith } from "../../state/url";

interface Props extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  to: string;
}

export function Go({ to, ...rest }: Props) {
  const search = useSearch();
  return <Link href={hrefWith(to, search)} {...rest} />;
}
