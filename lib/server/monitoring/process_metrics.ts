/**
 * The metrics of the process: memory, processor time, files and the event loop, under the names that Prometheus
 * recommends. Collections of garbage are not among them: the runtime takes who observes them, and tells nothing.
 */
import process from "node:process";
import { openFilesLimit } from "../listeners/open_files.ts";
import type { Families } from "./families.ts";
import type { LoopDelay } from "./loop_delay.ts";

/** Adds the families of the process. */
export function addProcessMetrics(families: Families, loop: LoopDelay): void {
  const startSeconds = performance.timeOrigin / 1000;
  const maxFiles = openFilesLimit();
  families.histogram({
    name: "parley_event_loop_delay_seconds",
    help: "How late the event loop came to a timer, looked at ten times a second.",
  }, () => loop.delaysMs);
  families.gauge(
    "parley_heap_used_bytes",
    "What the heap of the main thread holds.",
    () => Deno.memoryUsage().heapUsed,
  );
  families.gauge(
    "parley_heap_size_bytes",
    "What the heap of the main thread takes.",
    () => Deno.memoryUsage().heapTotal,
  );
  families.gauge(
    "parley_external_memory_bytes",
    "Buffers outside of the heap of the main thread.",
    () => Deno.memoryUsage().external,
  );
  families.gauge(
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
    () => Deno.memoryUsage().rss,
  );
  families.counter(
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
    processorSeconds,
  );
  families.gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    () => startSeconds,
  );
  families.gauge(
    "process_open_fds",
    "Number of open file descriptors, where the system tells.",
    openFiles,
  );
  families.gauge(
    "process_max_fds",
    "Maximum number of open file descriptors.",
    () => Number.isFinite(maxFiles) ? maxFiles : null,
  );
}

function processorSeconds(): number | null {
  try {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  } catch {
    return null;
  }
}

/** The files that are open; null where the process may not look. */
function openFiles(): number | null {
  try {
    let count = 0;
    for (const _file of Deno.readDirSync("/proc/self/fd")) count++;
    return count;
  } catch {
    return null;
  }
}
