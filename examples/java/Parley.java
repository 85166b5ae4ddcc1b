// Parley from Java, with the official protobuf runtime: echo, publish and subscribe, and a worker that answers pings while it works.
//
//   protoc --proto_path=proto --java_out=generated proto/parley/v1/*.proto
//   javac -cp /usr/share/java/protobuf.jar -d classes examples/java/Parley.java $(find generated -name '*.java')
//   java -cp /usr/share/java/protobuf.jar:classes Parley localhost 7311
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import parley.v1.ClientMessage;
import parley.v1.EchoMessage;
import parley.v1.Event;
import parley.v1.Hello;
import parley.v1.Job;
import parley.v1.Pong;
import parley.v1.Pull;
import parley.v1.ServerMessage;
import parley.v1.Settle;
import parley.v1.Subscribe;
import parley.v1.Verdict;

/**
 * One connection. One thread reads it: it answers pings at once, whatever else the program does, and hands on the rest. Messages are
 * delimited as writeDelimitedTo and parseDelimitedFrom do it.
 */
public final class Parley implements AutoCloseable {
  private static final ServerMessage END = ServerMessage.getDefaultInstance();

  private final Socket socket;
  private final OutputStream output;
  private final BlockingQueue<ServerMessage> received = new ArrayBlockingQueue<>(100);
  private long lastId = 0;

  /** Says Hello, with the offer to answer pings: a connection that is gone is noticed by both sides. */
  public Parley(String host, int port) throws IOException, InterruptedException {
    socket = new Socket(host, port);
    socket.setTcpNoDelay(true);
    output = socket.getOutputStream();
    Thread reader = new Thread(this::read, "parley");
    reader.setDaemon(true);
    reader.start();
    Hello hello =
        Hello.newBuilder().setProtocolVersion(1).setClientName("example in Java").setAnswersPings(true).build();
    ask(ClientMessage.newBuilder().setHello(hello));
  }

  /** Numbers a message and writes it. */
  public synchronized void send(ClientMessage.Builder message) throws IOException {
    message.setId(++lastId).build().writeDelimitedTo(output);
  }

  /** Gives the next message; raises what the server refused, and the end of the connection. */
  public ServerMessage receive() throws IOException, InterruptedException {
    ServerMessage message = received.take();
    if (message == END) throw new IOException("the server closed the connection");
    if (message.hasError()) {
      throw new IOException(message.getError().getCode() + ": " + message.getError().getMessage());
    }
    return message;
  }

  /** Sends a message and gives what comes next: here nothing else is under way. */
  public ServerMessage ask(ClientMessage.Builder message) throws IOException, InterruptedException {
    send(message);
    return receive();
  }

  /** Does the jobs of a queue, one after the other, until one says stop. */
  public void work(String queue) throws IOException, InterruptedException {
    send(ClientMessage.newBuilder().setPull(Pull.newBuilder().setConsumer(1).setQueue(queue).setPrefetch(1)));
    boolean last = false;
    while (true) {
      ServerMessage message = receive(); // the Ack of the pull, a Settled, or a job
      if (last && message.hasSettled()) return;
      if (!message.hasJob()) continue;
      Job job = message.getJob();
      Settle.Builder settle = Settle.newBuilder().setConsumer(job.getConsumer()).addTokens(job.getToken());
      String payload = job.getPayload().toStringUtf8();
      if (payload.isEmpty()) { // it would fail again: a dead letter
        settle.setVerdict(Verdict.VERDICT_REJECT).setError("there is no address");
      } else {
        settle.setVerdict(Verdict.VERDICT_ACK);
        last = payload.equals("stop");
        if (!last) System.out.println("sent to " + payload + ", attempt " + job.getAttempt());
      }
      send(ClientMessage.newBuilder().setSettle(settle));
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  private void read() {
    try (InputStream input = socket.getInputStream()) {
      ServerMessage message;
      while ((message = ServerMessage.parseDelimitedFrom(input)) != null) {
        if (message.hasPing()) {
          Pong pong = Pong.newBuilder().setNonce(message.getPing().getNonce()).build();
          send(ClientMessage.newBuilder().setPong(pong));
        } else {
          received.put(message);
        }
      }
    } catch (IOException | InterruptedException gone) {
      // Whoever waits is told by END.
    }
    received.clear();
    received.add(END);
  }

  public static void main(String[] arguments) throws Exception {
    try (Parley client = new Parley(arguments[0], Integer.parseInt(arguments[1]))) {
      EchoMessage echo = EchoMessage.newBuilder().setContent("Hello, World!").build();
      System.out.println(client.ask(ClientMessage.newBuilder().setEchoMessage(echo)).getEchoMessage().getContent());

      // With echo the connection hears what it publishes itself. The event comes before the Ack of its publish or after it.
      client.ask(ClientMessage.newBuilder().setSubscribe(Subscribe.newBuilder().setPattern("orders.>").setEcho(true)));
      Event event =
          Event.newBuilder().setTopic("orders.eu.created").setPayload(ByteString.copyFromUtf8("42 pieces")).build();
      client.send(ClientMessage.newBuilder().setEvent(event));
      for (int count = 0; count < 2; count++) {
        ServerMessage message = client.receive();
        if (!message.hasEvent()) continue;
        System.out.println(message.getEvent().getTopic() + " " + message.getEvent().getPayload().toStringUtf8());
      }
      for (String to : new String[] {"ann", ""}) {
        Job job = Job.newBuilder().setQueue("emails").setPayload(ByteString.copyFromUtf8(to)).build();
        client.ask(ClientMessage.newBuilder().setJob(job));
      }
      client.work("emails");
    }
  }
}
