/** The detections' manual: the list, and for one what it finds, how it decides, what it cannot see. */
import { TextInput } from "@mantine/core";
import { useMemo } from "react";
import { useQuery } from "urql";
import { DetectionsQuery } from "../../api/documents/posture";
import { Go } from "../../components/Go/Go";
import { ListTools } from "../../components/ListTools/ListTools";
import { Empty, Loaded } from "../../components/Loaded/Loaded";
import { Markdown } from "../../components/Markdown/Markdown";
import { PageHead } from "../../components/PageHead/PageHead";
import { Severity } from "../../components/Severity/Severity";
import type { DetectionsQuery as Data } from "../../gql/graphql";
import { plural } from "../../state/format";
import { useParam } from "../../state/url";
import css from "./Detections.module.css";

type Detection = Data["detections"][number];

export default function Detections({ slug }: { slug?: string }) {
  const [result, again] = useQuery({ query: DetectionsQuery });
  const [text, setText] = useParam("q");
  const all = result.data?.detections ?? [];
  const shown = useMemo(() => all.filter((one) => hit(one, text)), [all, text]);
  const chosen = all.find((one) => one.slug === slug) ?? (slug === undefined ? shown[0] : undefined);
  return (
    <div className={css.page}>
      <PageHead
        title="Detections"
        note={plural(all.length, "detection")}
        tools={
          <ListTools
            query={DetectionsQuery}
            sheet={{
              name: "detections",
              header: ["slug", "title", "external_id", "severity", "phase", "techniques"],
              rows: () =>
                shown.map((one) => [
                  one.slug,
                  one.title,
                  one.externalId,
                  one.severity,
                  one.phase,
                  one.techniques.join(" "),
                ]),
            }}
          />
        }
      />
      <Loaded result={result} retry={again} lines={12}>
        {(data) => (
          <div className={css.split}>
            <div className={`panel ${css.list}`}>
              <div className={css.search}>
                <TextInput
                  aria-label="Text"
                  placeholder="Name, slug, technique or id"
                  value={text}
                  onChange={(event) => setText(event.currentTarget.value)}
                />
              </div>
              {shown.length === 0 && (
                <Empty title="No detection matches">
                  Try a technique such as T1003 or an external id such as 2006.
                </Empty>
              )}
              {shown.map((one) => (
                <Go
                  key={one.slug}
                  to={`/detections/${one.slug}${text === "" ? "" : `?q=${encodeURIComponent(text)}`}`}
                  className={`${css.item} ${one === chosen ? css.chosen : ""}`}
                  aria-current={one === chosen ? "true" : undefined}
                >
                  <span className="ellipsis">{one.title}</span>
                  <Severity level={one.severity} bare />
                </Go>
              ))}
            </div>
            {chosen === undefined ? (
              <Empty title="There is no such detection">Choose one from the list.</Empty>
            ) : (
              <Manual
                detection={chosen}
                learning={data.overview.learning.find((one) => one.detection === chosen.slug)}
              />
            )}
          </div>
        )}
      </Loaded>
    </div>
  );
}

function hit(one: Detection, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return [one.slug, one.title, one.phase, String(one.externalId ?? ""), ...one.techniques].some((field) =>
    field.toLowerCase().includes(wanted),
  );
}

function Manual({
  detection,
  learning,
}: {
  detection: Detection;
  learning: Data["overview"]["learning"][number] | undefined;
}) {
  return (
    <article className={`panel ${css.manual}`}>
      <h1>{detection.title}</h1>
      <p className={css.facts}>
        <Severity level={detection.severity} />
        <span>{detection.phase}</span>
        <span className="mono">{detection.techniques.join(" ")}</span>
        {detection.externalId != null && <span className="mono">external id {detection.externalId}</span>}
        <span className="mono quiet">{detection.slug}</span>
        <Go className="link" to={`/alerts?detection=${detection.slug}&state=all`}>
          its alerts
        </Go>
      </p>
      {learning !== undefined && (
        <p className="second">
          {learning.ready ? "Has learned" : `Still learning, ${learning.progressPercent.toFixed(0)} %`}:{" "}
          {learning.detail}
        </p>
      )}
      <Markdown text={detection.manual} />
      {detection.whatToDo.length > 0 && !/^#+\s+what to do/im.test(detection.manual) && (
        <Markdown text={`## What to do\n${detection.whatToDo.map((one, at) => `${at + 1}. ${one}`).join("\n")}`} />
      )}
    </article>
  );
}
