/** A field that finds one object of the directory by name or id. */
import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useQuery } from "urql";
import { SearchQuery } from "../../api/documents/graph";
import { KindMark } from "../../components/Glyph/Glyph";

interface Props {
  label: string;
  placeholder: string;
  value: string | null;
  /** The name of an id that is set from elsewhere. */
  nameOf: (id: string) => string;
  onChange: (id: string | null) => void;
  hideLabel?: boolean;
}

export function EntityPicker({ label, placeholder, value, nameOf, onChange, hideLabel }: Props) {
  const [text, setText] = useState("");
  const [asked] = useDebouncedValue(text.trim(), 150);
  const [result] = useQuery({ query: SearchQuery, variables: { text: asked, first: 10 }, pause: asked.length < 2 });
  const found = asked.length < 2 ? [] : (result.data?.search ?? []);
  const kinds = new Map(found.map((one) => [one.id, one]));
  const options = found.map((one) => ({ value: one.id, label: one.name }));
  if (value !== null && !kinds.has(value)) options.unshift({ value, label: nameOf(value) });
  return (
    <Select
      label={hideLabel ? undefined : label}
      aria-label={label}
      placeholder={placeholder}
      searchable
      clearable
      data={options}
      value={value}
      onChange={onChange}
      onSearchChange={setText}
      filter={({ options: all }) => all}
      nothingFoundMessage={asked.length < 2 ? undefined : result.fetching ? "Searching" : "No object has this name"}
      renderOption={({ option }) => (
        <span className="row ellipsis" style={{ fontSize: 12 }}>
          <KindMark
            kind={kinds.get(option.value)?.kind ?? "Base"}
            tierZero={kinds.get(option.value)?.tierZero ?? false}
          />
          <span className="ellipsis">{option.label}</span>
        </span>
      )}
    />
  );
}
