// The rows: TanStack Table for columns, its virtualizer for rows, so that ten thousand cost as much as forty.
import { type ColumnDef, columnVisibilityFeature, tableFeatures, useTable } from "@tanstack/preact-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Failure, Icon, Menu, Notice, PriorityBadge, Switch, Time } from "../parts/ui";
import { bigNumber, clockOf, dayOf } from "../times";
import type { Row } from "../types";
import { cleared, isFiltered, show, type View } from "../view";
import type { useAlerts } from "./data";

const features = tableFeatures({ columnVisibilityFeature });
const columns: ColumnDef<typeof features, Row>[] = [
  { id: "time", header: "Time", accessorKey: "time", enableHiding: false, cell: ({ row: { original: row } }) => <When row={row} /> },
  { id: "priority", header: "Priority", accessorKey: "priority", cell: ({ row }) => <PriorityBadge priority={row.original.priority} /> },
  { id: "rule", header: "Rule", accessorKey: "rule", enableHiding: false, cell: ({ row: { original: row } }) => <Rule row={row} /> },
  { id: "where", header: "Where", accessorFn: (row) => row.pod ?? row.hostname, cell: ({ row: { original: row } }) => <Where row={row} /> },
  { id: "output", header: "What happened", accessorFn: (row) => besides(row.output, row.rule) },
  { id: "namespace", header: "Namespace", accessorKey: "namespace" },
  { id: "pod", header: "Pod", accessorKey: "pod" },
  { id: "hostname", header: "Host", accessorKey: "hostname" },
  { id: "image", header: "Image", accessorKey: "image" },
  { id: "source", header: "Source", accessorKey: "source" },
  { id: "tags", header: "Tags", accessorFn: (row) => row.tags.join(", ") },
];
const HIDDEN = { namespace: false, pod: false, hostname: false, image: false, source: false, tags: false };
const KEPT = "falcon.columns";

/** Heights of style/alerts.css. */
const ROW = 34;
const NARROW_ROW = 94;
const NARROW = "(max-width: 760px)";

interface Props {
  view: View;
  data: ReturnType<typeof useAlerts>;
  paused: boolean;
  current: string | null;
  onOpen: (uuid: string) => void;
  onScroll: (atTop: boolean) => void;
  /** The mouse is over the rows: they must not move away under it. */
  onPoint: (pointed: boolean) => void;
}

export function AlertTable({ view, data, paused, current, onOpen, onScroll, onPoint }: Props) {
  const { pages, rows } = data;
  const scroller = useRef<HTMLDivElement>(null);
  const narrow = useNarrow();
  const [visible, setVisible] = useState<Record<string, boolean>>(keptColumns);
  const table = useTable({
    features, columns, data: rows, getRowId: (row) => row.uuid,
    state: { columnVisibility: visible },
    onColumnVisibilityChange: (change) => setVisible((old) => (typeof change === "function" ? change(old) : change)),
  });
  useLayoutEffect(() => localStorage.setItem(KEPT, JSON.stringify(visible)), [visible]);
  const all = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? NARROW_ROW : ROW),
    getItemKey: (index) => all[index]?.id ?? index,
    overscan: 12,
  });
  useLayoutEffect(() => virtual.measure(), [narrow]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (last >= all.length - 30 && pages.hasNextPage && !pages.isFetchingNextPage && !pages.error) void pages.fetchNextPage();
  }, [last, all.length, pages.hasNextPage, pages.isFetchingNextPage]);

  const focusing = useRef<string | null>(null);
  useLayoutEffect(() => {
    const at = current ? all.findIndex((row) => row.id === current) : -1;
    focusing.current = at < 0 ? null : current;
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [current]);
  useLayoutEffect(() => {
    if (!focusing.current) return;
    // The focus goes along for screen readers, unless it is somewhere else on purpose.
    const active = document.activeElement;
    const here = active === document.body || scroller.current?.contains(active);
    const row = scroller.current?.querySelector<HTMLElement>(`tr[data-uuid="${CSS.escape(focusing.current)}"]`);
    // A row that was scrolled to is not drawn yet; it will be, and this comes by again.
    if (here && !row) return;
    focusing.current = null;
    if (here) row?.focus({ preventScroll: true });
  });

  const reveal = () => {
    data.showWaiting();
    if (scroller.current) scroller.current.scrollTop = 0;
  };
  const above = items[0]?.start ?? 0;
  const below = Math.max(0, virtual.getTotalSize() - (items.at(-1)?.end ?? 0));
  const width = table.getVisibleLeafColumns().length;
  return (
    <section
      class="table" aria-label="Alerts"
      onPointerEnter={(event) => onPoint(event.pointerType === "mouse")} onPointerLeave={() => onPoint(false)}
    >
      {data.waiting > 0 && (
        <button type="button" class="new" onClick={reveal} aria-live="polite">
          {bigNumber(data.waiting)} new {paused ? "since you paused" : ""}
        </button>
      )}
      <ColumnsMenu table={table} />
      <div
        class="scroller" ref={scroller} tabIndex={0} role="region" aria-label="List of alerts"
        onScroll={(event) => onScroll(event.currentTarget.scrollTop < 4)}
      >
        <table role="grid" aria-rowcount={pages.hasNextPage ? -1 : all.length} aria-busy={pages.isFetching}>
          <thead>
            <tr>
              {table.getHeaderGroups()[0]!.headers.map((header) => (
                <th key={header.id} scope="col" class={`c-${header.column.id}`}>{String(header.column.columnDef.header)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Gap height={above} width={width} />
            {items.map((item) => {
              const row = all[item.index];
              if (!row) return null;
              const alert = row.original;
              return (
                <tr
                  key={row.id} data-uuid={row.id} aria-rowindex={item.index + 1} aria-selected={row.id === current} tabIndex={row.id === current ? 0 : -1}
                  class={`p${alert.priority} ${alert.acknowledged ? "acknowledged" : ""} ${alert.silenced ? "silenced" : ""}`}
                  onClick={() => {
                    // Somebody who marks a text to copy it wants no panel.
                    if (!getSelection()?.toString()) onOpen(row.id);
                  }}
                >
                  {row.getVisibleCells().map((cell) => (
                    <td key={cell.id} class={`c-${cell.column.id}`}>
                      {typeof cell.column.columnDef.cell === "function"
                        ? <table.FlexRender cell={cell} /> : <span title={text(cell.getValue())}>{text(cell.getValue())}</span>}
                    </td>
                  ))}
                </tr>
              );
            })}
            <Gap height={below} width={width} />
          </tbody>
        </table>
        <Below view={view} data={data} />
      </div>
    </section>
  );
}

/** Outputs often begin with the rule's name, which stands beside it already. */
const besides = (output: string, rule: string): string => (output.startsWith(`${rule} | `) ? output.slice(rule.length + 3) : output);

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

function Gap({ height, width }: { height: number; width: number }) {
  return height > 0 ? <tr class="gap" aria-hidden="true"><td colSpan={width} style={{ height: `${height}px` }} /></tr> : null;
}

/** What stands under the rows, or instead of them. */
function Below({ view, data: { pages, rows } }: { view: View; data: Props["data"] }) {
  if (pages.error) return <Failure error={pages.error} retry={() => void pages.refetch()} />;
  if (pages.isPending) return <Skeleton />;
  if (pages.isFetchingNextPage) return <p class="below faint">Loading more…</p>;
  if (rows.length) return pages.hasNextPage ? null : <p class="below faint">That is all.</p>;
  if (isFiltered(view)) {
    return (
      <Notice kind="empty" title="No alert fits these filters">
        <p>Look at a longer time, or take filters away.</p>
        <p class="actions">
          <button type="button" onClick={() => show(cleared(view), {})}>Clear the filters</button>
          {view.from !== "" && <button type="button" onClick={() => show(view, { from: "", to: "" })}>Look at everything</button>}
        </p>
      </Notice>
    );
  }
  return (
    <Notice kind="empty" title={view.from === "" && !view.to ? "No alerts yet" : "No alerts in this time"}>
      <p>
        If you expected some: sensors send them to <code>{location.origin}/api/v1/alerts</code> with their token, and{" "}
        <code>curl -X POST -H "Authorization: Bearer TOKEN" {location.origin}/test</code> makes one to try the way.
      </p>
      {view.from !== "" && <p class="actions"><button type="button" onClick={() => show(view, { from: "", to: "" })}>Look at everything</button></p>}
    </Notice>
  );
}

function Skeleton() {
  return <div class="skeleton" role="status" aria-label="Loading the alerts">{Array.from({ length: 8 }, (_, each) => <i key={each} />)}</div>;
}

function When({ row }: { row: Row }) {
  return <Time at={row.time} text={`${dayOf(row.time)} ${clockOf(row.time)}`} />;
}

function Rule({ row }: { row: Row }) {
  return (
    <span class="rule-name" title={row.rule}>
      {row.acknowledged && <span class="mark" title={`Acknowledged by ${row.acknowledged.who}`}><Icon name="check" /></span>}
      {row.silenced && <span class="mark" title="Silenced: not sent"><Icon name="mute" /></span>}
      {row.rule}
    </span>
  );
}

function Where({ row }: { row: Row }) {
  if (row.pod) return <span title={`${row.namespace ?? "?"}/${row.pod} on ${row.hostname}`}><span class="faint">{row.namespace}/</span>{row.pod}</span>;
  return <span title={`Host ${row.hostname}`}>{row.container && <>{row.container} <span class="faint">on </span></>}{row.hostname}</span>;
}

function ColumnsMenu({ table }: { table: { getAllLeafColumns: () => Column[] } }) {
  return (
    <Menu class="columns" align="right" name="Columns" label={<Icon name="columns" />}>
      {() => (
        <div class="stack">
          {table.getAllLeafColumns().filter((each) => each.getCanHide()).map((each) => (
            <Switch key={each.id} checked={each.getIsVisible()} onChange={(on) => each.toggleVisibility(on)}>
              {String(each.columnDef.header)}
            </Switch>
          ))}
        </div>
      )}
    </Menu>
  );
}

interface Column {
  id: string;
  columnDef: { header?: unknown };
  getCanHide: () => boolean;
  getIsVisible: () => boolean;
  toggleVisibility: (on: boolean) => void;
}

function keptColumns(): Record<string, boolean> {
  try {
    return { ...HIDDEN, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Record<string, boolean>) };
  } catch {
    return HIDDEN;
  }
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useLayoutEffect(() => {
    const media = matchMedia(NARROW);
    const changed = () => setNarrow(media.matches);
    changed();
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return narrow;
}
