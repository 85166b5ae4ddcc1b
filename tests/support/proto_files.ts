/**
 * The files of proto/, as the generated code has them.
 */
import type { DescFile } from "@bufbuild/protobuf";
import { file_parley_v1_cluster } from "../../lib/gen/parley/v1/cluster_pb.ts";
import { file_parley_v1_demo } from "../../lib/gen/parley/v1/demo_pb.ts";
import { file_parley_v1_envelope } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { file_parley_v1_admin } from "../../lib/gen/parley/v1/admin_pb.ts";
import { file_parley_v1_error } from "../../lib/gen/parley/v1/error_pb.ts";
import { file_parley_v1_event } from "../../lib/gen/parley/v1/event_pb.ts";
import { file_parley_v1_queue } from "../../lib/gen/parley/v1/queue_pb.ts";
import { file_parley_v1_room } from "../../lib/gen/parley/v1/room_pb.ts";
import { file_parley_v1_server } from "../../lib/gen/parley/v1/server_pb.ts";
import { file_parley_v1_service } from "../../lib/gen/parley/v1/service_pb.ts";
import { file_parley_v1_session } from "../../lib/gen/parley/v1/session_pb.ts";
import { file_parley_v1_system } from "../../lib/gen/parley/v1/system_pb.ts";
import { file_parley_v1_topic } from "../../lib/gen/parley/v1/topic_pb.ts";
import { file_parley_v1_user } from "../../lib/gen/parley/v1/user_pb.ts";

/** All of them. */
export const PROTO_FILES: readonly DescFile[] = [
  file_parley_v1_admin,
  file_parley_v1_cluster,
  file_parley_v1_demo,
  file_parley_v1_envelope,
  file_parley_v1_error,
  file_parley_v1_event,
  file_parley_v1_queue,
  file_parley_v1_room,
  file_parley_v1_server,
  file_parley_v1_service,
  file_parley_v1_session,
  file_parley_v1_system,
  file_parley_v1_topic,
  file_parley_v1_user,
];
