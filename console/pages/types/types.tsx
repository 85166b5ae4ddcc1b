/**
 * The message types that the server knows: their files with versions, and what each message has.
 */
/// <reference lib="dom" />
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";
import { detached } from "../../../lib/base/detached.ts";
import { type TypeFile, Types } from "../../../lib/gen/parley/v1/type_pb.ts";
import { ask, inWords } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may } from "../../data/rights.ts";
import { schemaOf } from "../../data/types.ts";
import { counted, exact } from "../../format/numbers.ts";
import { confirm } from "../../parts/dialog.tsx";
import { SearchField } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Known, Note } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import type { Place } from "../../shell/places.ts";

const LOOK_MS = 10_000;

/** The page. */
export const types: Place = {
  id: "types",
  title: "Types",
  icon: "types",
  key: "y",
  View: TypesView,
  commands: async (text, signal) =>
    (await ask(Types.method.list, {}, { signal })).types
      .filter((type) => type.includes(text)).slice(0, 20)
      .map((type) => ({ title: type, kind: "Type", run: () => navigate(["types", type]) })),
};

function TypesView({ path }: { path: readonly string[] }) {
  const [type] = path;
  return type !== undefined && type !== "" ? <TypeView type={type} /> : <TypeList />;
}

function TypeList() {
  const { find = "" } = route.value.query;
  const known = usePolled("types", (signal) => ask(Types.method.list, {}, { signal }), LOOK_MS);
  return (
    <>
      <div class="page-head">
        <h1>Types</h1>
      </div>
      <SearchField
        label="Find types"
        value={find}
        onChange={(value) => setQuery({ find: value })}
      />
      <Known of={known}>
        {(answer) => (
          <>
            <Table
              label="Message types"
              rows={answer.types.filter((type) => type.includes(find))}
              columns={NAME_COLUMNS}
              idOf={(type) => type}
              onOpen={(type) => navigate(["types", type])}
              most={12}
              foot={counted(answer.types.length, "type")}
              empty={
                <Empty title="No types">
                  <span>
                    The server learns them by their descriptors: parley schema add orders.proto
                  </span>
                </Empty>
              }
            />
            {answer.files.length > 0 && (
              <>
                <h2>Files</h2>
                <Table
                  label="Files"
                  rows={answer.files}
                  columns={fileColumns(known.refresh)}
                  idOf={({ path }) => path}
                  most={12}
                  empty={<Empty title="No files" />}
                />
              </>
            )}
          </>
        )}
      </Known>
    </>
  );
}

const NAME_COLUMNS: readonly Column<string>[] = [
  {
    id: "name",
    title: "Type",
    width: "1fr",
    cell: (type) => <a class="mono cut" href={href(["types", type])}>{type}</a>,
  },
];

function fileColumns(refresh: () => void): readonly Column<TypeFile>[] {
  return [
    {
      id: "path",
      title: "File",
      width: "minmax(140px, 2fr)",
      cell: ({ path }) => <span class="mono cut">{path}</span>,
    },
    {
      id: "version",
      title: "Version",
      width: "80px",
      end: true,
      cell: ({ version }) => exact(version),
    },
    {
      id: "time",
      title: "Added",
      width: "110px",
      from: 480,
      cell: ({ timeUnixMicros }) => <Time micros={timeUnixMicros} />,
    },
    { id: "user", title: "By", width: "110px", from: 640, cell: ({ user }) => user },
    {
      id: "do",
      title: "",
      width: "100px",
      end: true,
      cell: ({ path }) =>
        may("manage", "server.types") && (
          <button
            type="button"
            class="button small"
            onClick={() => remove(path, refresh)}
          >
            Remove
          </button>
        ),
    },
  ];
}

function remove(path: string, refresh: () => void): void {
  confirm({
    title: `Remove ${path}?`,
    body: <p>Payloads of its types are shown as bytes then, and held to nothing.</p>,
    action: "Remove",
    danger: true,
    run: async () => {
      await ask(Types.method.remove, { paths: [path] });
      done(`${path} is removed.`);
      refresh();
    },
  });
}

const FIELD_COLUMNS: readonly Column<DescField>[] = [
  { id: "number", title: "Number", width: "80px", end: true, cell: ({ number }) => number },
  {
    id: "name",
    title: "Field",
    width: "minmax(120px, 1fr)",
    cell: ({ name }) => <span class="mono cut">{name}</span>,
  },
  {
    id: "type",
    title: "Type",
    width: "minmax(120px, 1fr)",
    cell: (field) => <span class="mono cut">{typeOf(field)}</span>,
  },
];

function TypeView({ type }: { type: string }) {
  const [schema, setSchema] = useState<DescMessage | null | undefined>(undefined);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    setSchema(undefined);
    setError(null);
    detached(schemaOf(type).then(setSchema, setError), "read a type");
  }, [type]);
  return (
    <>
      <div class="page-head">
        <a class="button icon bare" href={href(["types"])} aria-label="All types">
          <Icon name="back" />
        </a>
        <h1 class="break">{type}</h1>
      </div>
      {error !== null && <Note tone="bad">{inWords(error)}</Note>}
      {schema === null && <Empty title="The server does not know this type" />}
      {schema !== null && schema !== undefined && (
        <Table
          label="Fields"
          rows={schema.fields}
          columns={FIELD_COLUMNS}
          idOf={({ name }) => name}
          empty={<Empty title="It has no fields" />}
          foot={`${schema.file.name}.proto`}
        />
      )}
    </>
  );
}

/** The type of a field, as it is written in a file of types. */
function typeOf(field: DescField): string {
  const one = "scalar" in field && field.scalar !== undefined
    ? ScalarType[field.scalar].toLowerCase()
    : field.message?.typeName ?? field.enum?.typeName ?? "";
  if (field.fieldKind === "list") return `repeated ${one}`;
  if (field.fieldKind === "map") return `map<${ScalarType[field.mapKey].toLowerCase()}, ${one}>`;
  return one;
}
