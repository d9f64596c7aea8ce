/** Time range and zone (kept in the URL), theme, and the user's menu. */
import {
  ActionIcon,
  Button,
  Menu,
  SegmentedControl,
  Select,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useMutation } from "urql";
import { LogoutMutation } from "../../api/documents/session";
import { useSession } from "../../api/session";
import { words } from "../../state/format";
import { RANGES, useZone } from "../../state/time";
import { useParam } from "../../state/url";

export function HeaderControls() {
  const [range, setRange] = useParam("range", "all");
  const [zone, setZone] = useZone();
  const { viewer, signOut } = useSession();
  const [, logout] = useMutation(LogoutMutation);
  const leave = async () => {
    await logout({});
    signOut();
  };
  return (
    <>
      <Select
        aria-label="Time range, back from the newest event"
        data={RANGES.map(({ value, label }) => ({ value, label }))}
        value={range}
        onChange={(value) => setRange(value ?? "all")}
        allowDeselect={false}
        w={96}
      />
      <SegmentedControl
        size="xs"
        aria-label="Time zone"
        value={zone}
        onChange={setZone}
        data={[
          { value: "utc", label: "UTC" },
          { value: "local", label: "Local" },
        ]}
      />
      <ThemeSwitch />
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="subtle" color="gray" c="var(--hw-text)">
            {viewer.name}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Signed in as {words(viewer.role).toLowerCase()}</Menu.Label>
          <Menu.Item onClick={leave}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function ThemeSwitch() {
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const scheme = useComputedColorScheme("light");
  const next = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      color="gray"
      c="var(--hw-text-2)"
      aria-label={`Use the ${next} theme`}
      title={`Use the ${next} theme`}
      onClick={() => setColorScheme(next)}
    >
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.4" />
        <path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" />
      </svg>
    </ActionIcon>
  );
}
