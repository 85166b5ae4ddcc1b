/**
 * The bare server that publishing over HTTP is measured against: the runtime's own, which reads a body and answers 204.
 *
 * It says where it listens as one line on standard output, and runs until it is ended.
 */

const options: Deno.ServeTcpOptions = {
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening 127.0.0.1:${port}`),
};
Deno.serve(options, async (request) => {
  await request.arrayBuffer();
  return new Response(null, { status: 204 });
});
