#!/usr/bin/env bash
# Three nodes of Parley on three servers of NATS, behind HAProxy, all on this machine: to try a cluster, and to begin one's own
# with. It needs parley, nats-server 2.9 or newer and haproxy.
#
#   bash deploy/cluster/run.sh [FOLDER]
#
# Data, logs and process ids are in FOLDER, ./parley-cluster by default; what was kept there is there again at the next start.
# A node that ends is started again. Ctrl-C, or SIGTERM, ends everything in its order: first nobody new comes in, then the nodes
# stop one after the other, then NATS.
#
# On machines of your own each node and each server of NATS is a service of its system, on a machine of its own, and NATS asks
# who comes in: docs/clustering.md, "Setting it up". Here everything listens on loopback alone.
#
# Ports and the command can be set: NATS_PORTS, ROUTE_PORTS, TCP_PORTS, HTTP_PORTS (three each), FRONT_PORTS (two), PARLEY.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-parley-cluster}
read -ra parley <<<"${PARLEY:-parley}"
read -ra nats_ports <<<"${NATS_PORTS:-4222 4223 4224}"
read -ra route_ports <<<"${ROUTE_PORTS:-6222 6223 6224}"
read -ra tcp_ports <<<"${TCP_PORTS:-7311 7411 7511}"
read -ra http_ports <<<"${HTTP_PORTS:-7381 7481 7581}"
read -ra front_ports <<<"${FRONT_PORTS:-7310 7380}"

for program in "${parley[0]}" nats-server haproxy; do
  command -v "$program" >/dev/null || {
    echo "cannot run the cluster: $program is not installed, or not in PATH" >&2
    exit 1
  }
done
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# What runs, in the order in which it was started, and its names.
running=()
names=()

# Jobs get process groups of their own, so that Ctrl-C reaches this script alone.
set -m

# keep NAME COMMAND... runs a command, with a log and a file of its process id, and runs it again when it ends.
keep() {
  local name=$1
  shift
  (
    trap 'kill "${child:-}" 2>/dev/null || true; wait "${child:-}" || true; rm -f "$folder/$name.pid"; exit 0' TERM
    while :; do
      "$@" </dev/null >>"$folder/$name.log" 2>&1 &
      child=$!
      echo "$child" >"$folder/$name.pid"
      wait "$child" || echo "$name ended with exit code $?, and is started again"
      sleep 1 &
      child=$!
      wait "$child" || true
    done
  ) &
  running+=("$!")
  names+=("$name")
}

stop() {
  local index
  trap '' INT TERM
  for ((index = ${#running[@]} - 1; index >= 0; index--)); do
    kill "${running[index]}" 2>/dev/null || true
    wait "${running[index]}" || true
    echo "${names[index]} has stopped"
  done
}
trap stop EXIT
trap 'exit 0' INT TERM

# The URLs of these ports, with commas between.
urls() {
  local port text=
  for port in "$@"; do text+=,nats://127.0.0.1:$port; done
  echo "${text#,}"
}

for index in 0 1 2; do
  keep "nats-$((index + 1))" nats-server --name "n$((index + 1))" \
    --addr 127.0.0.1 --port "${nats_ports[index]}" \
    --cluster_name parley --cluster "nats://127.0.0.1:${route_ports[index]}" \
    --routes "$(urls "${route_ports[@]}")" \
    --jetstream --store_dir "$folder/nats-$((index + 1))"
done

for index in 0 1 2; do
  keep "node-$((index + 1))" "${parley[@]}" serve --config "$here/node.toml" \
    --data "$folder/node-$((index + 1))" \
    --tcp "127.0.0.1:${tcp_ports[index]}" --http "127.0.0.1:${http_ports[index]}" \
    --set "listen.unix=$folder/node-$((index + 1)).sock" \
    --cluster "$(urls "${nats_ports[@]}")" --set "cluster.node=node-$((index + 1))"
done

export FRONT_TCP=${front_ports[0]} FRONT_HTTP=${front_ports[1]}
export TCP_1=${tcp_ports[0]} TCP_2=${tcp_ports[1]} TCP_3=${tcp_ports[2]}
export HTTP_1=${http_ports[0]} HTTP_2=${http_ports[1]} HTTP_3=${http_ports[2]}
keep haproxy haproxy -db -f "$here/haproxy.cfg"

# The first node waits for JetStream, whose servers have to find each other, and the others find what it began.
for url in "unix://$folder/node-"{1,2,3}.sock "http://127.0.0.1:$FRONT_HTTP"; do
  until "${parley[@]}" health --server "$url" >/dev/null 2>&1; do
    sleep 0.5 &
    wait $!
  done
done

cat <<END
clients   parley://localhost:$FRONT_TCP or ws://localhost:$FRONT_HTTP/ws
console   http://localhost:$FRONT_HTTP
one node  unix://$folder/node-1.sock, which the others have, too
try it    parley pub orders.eu hello --server parley://localhost:$FRONT_TCP
          parley cluster info --server parley://localhost:$FRONT_TCP
          kill -9 \$(cat $folder/node-1.pid)
Ctrl-C stops all of it.
END
wait
