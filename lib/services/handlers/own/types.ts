/**
 * The methods `parley.v1.Types/…`: which message types the server knows.
 */
import type { Types } from "../../../gen/parley/v1/type_pb.ts";
import type { TypeFile } from "../../../gen/parley/v1/type_pb.ts";
import { MAX_TYPE_FILE_BYTES, MAX_TYPES_BYTES } from "../../../logic/types/limits.ts";
import type { KnownTypes } from "../../types/known_types.ts";
import type { Features } from "../../features.ts";
import type { Methods } from "./method.ts";

/** The largest request: all files, one of them with its comments. */
export const MAX_TYPES_REQUEST_BYTES = MAX_TYPES_BYTES + 2 * MAX_TYPE_FILE_BYTES;

/** The methods of the service Types. */
export const TYPE_METHODS: Methods<typeof Types> = {
  add: (features, { identity }, { files, allowBreaking }) =>
    features.needTypes("add types").add(files, { user: identity?.user ?? "", allowBreaking }),
  check: (features, _session, { files }) => features.needTypes("check types").check(files),
  list: (features) => {
    const known = features.needTypes();
    const files = known.files.map(({ path, version, timeUnixMicros, user }) => ({
      path,
      version,
      timeUnixMicros,
      user,
    }));
    return { files, types: known.types.names() };
  },
  get: {
    list: "files",
    run: (features: Features, _session, { type }) => ({
      files: filesFor(features.needTypes(), type),
    }),
  },
  remove: async (features, _session, { paths }) => {
    await features.needTypes("remove types").remove(paths);
    return {};
  },
};

/** The file of `type` with all that it imports, or all files; each behind those that it imports. */
function filesFor(known: KnownTypes, type: string): TypeFile[] {
  const paths = type === "" ? known.types.files.keys() : known.types.closureOf(type);
  return [...paths].map((path) => known.file(path)!);
}
