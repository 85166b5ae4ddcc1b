/**
 * The methods that are answered: by how many connections, with how many calls under way, and how long they take.
 */
import { type MethodInfo, Services } from "../../../lib/gen/parley/v1/service_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { counted, exact } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { Empty, Known } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { setQuery } from "../../router.ts";

/** The first thousand of them; a click puts one into the form. */
export function MethodList() {
  const known = usePolled(
    "methods",
    (signal) => ask(Services.method.list, {}, { signal }),
  );
  return (
    <Known of={known}>
      {({ methods, more }) => (
        <Table
          label="Methods"
          rows={methods}
          columns={COLUMNS}
          idOf={({ method }) => method}
          onOpen={({ method }) => setQuery({ method })}
          most={10}
          foot={more ? `the first ${exact(methods.length)}` : counted(methods.length, "method")}
          empty={
            <Empty title="No services">
              <span>Nobody answers a method now: parley respond METHOD --exec PROGRAM</span>
            </Empty>
          }
        />
      )}
    </Known>
  );
}

const millis = (micros: bigint) => micros === 0n ? "–" : duration(Number(micros) / 1000);
const failures = ({ failed, expired, abandoned }: MethodInfo) => failed + expired + abandoned;

const COLUMNS: readonly Column<MethodInfo>[] = [
  {
    id: "method",
    title: "Method",
    width: "minmax(140px, 2fr)",
    cell: ({ method }) => <span class="mono cut">{method}</span>,
  },
  {
    id: "instances",
    title: "Instances",
    width: "90px",
    end: true,
    cell: ({ instances }) => exact(instances),
  },
  {
    id: "under_way",
    title: "Under way",
    width: "100px",
    end: true,
    cell: ({ callsUnderWay }) => exact(callsUnderWay),
  },
  {
    id: "answered",
    title: "Answered",
    width: "100px",
    end: true,
    from: 560,
    cell: ({ answered }) => exact(answered),
  },
  {
    id: "failed",
    title: "Failed",
    width: "80px",
    end: true,
    from: 640,
    cell: (info) => exact(failures(info)),
  },
  {
    id: "p50",
    title: "p50",
    width: "80px",
    end: true,
    from: 720,
    cell: ({ p50Micros }) => millis(p50Micros),
  },
  {
    id: "p99",
    title: "p99",
    width: "80px",
    end: true,
    from: 480,
    cell: ({ p99Micros }) => millis(p99Micros),
  },
];
