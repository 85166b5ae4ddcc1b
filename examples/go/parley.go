// Parley from Go, with the official protobuf runtime: echo, publish and subscribe, and a worker that answers pings while it works.
//
//	protoc --proto_path=proto --go_out=generated proto/parley/v1/*.proto
//	go run parley.go localhost 7311
//
// The classes have to be where Go looks for "parley/v1": in the module parley, or below GOPATH/src.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"google.golang.org/protobuf/proto"
	parley "parley/v1"
)

// maxMessage is the largest message that is read: the server's own bound, unless it was changed there.
const maxMessage = 2 << 20

// Client is one connection. One goroutine reads it: it answers pings at once, whatever else the program does, and hands on the rest.
type Client struct {
	connection net.Conn
	sending    sync.Mutex
	lastID     uint64
	received   chan *parley.ServerMessage
}

// Connect says Hello, with the offer to answer pings: a connection that is gone is noticed by both sides.
func Connect(host, port string) (*Client, error) {
	connection, err := net.Dial("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	client := &Client{connection: connection, received: make(chan *parley.ServerMessage)}
	go client.read()
	hello := &parley.Hello{ProtocolVersion: 1, ClientName: "example in Go", AnswersPings: true}
	_, err = client.Ask(&parley.ClientMessage{Message: &parley.ClientMessage_Hello{Hello: hello}})
	return client, err
}

// Send numbers a message and writes it, with its length as a varint before it.
func (client *Client) Send(message *parley.ClientMessage) error {
	client.sending.Lock()
	defer client.sending.Unlock()
	client.lastID++
	message.Id = client.lastID
	body, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	_, err = client.connection.Write(append(binary.AppendUvarint(nil, uint64(len(body))), body...))
	return err
}

func (client *Client) read() {
	defer close(client.received)
	input := bufio.NewReader(client.connection)
	for {
		length, err := binary.ReadUvarint(input)
		if err != nil || length > maxMessage {
			return
		}
		body := make([]byte, length)
		message := &parley.ServerMessage{}
		if _, err := io.ReadFull(input, body); err != nil || proto.Unmarshal(body, message) != nil {
			return
		}
		if ping := message.GetPing(); ping != nil {
			pong := &parley.ClientMessage_Pong{Pong: &parley.Pong{Nonce: ping.Nonce}}
			if client.Send(&parley.ClientMessage{Message: pong}) != nil {
				return
			}
			continue
		}
		client.received <- message
	}
}

// Receive gives the next message; an error of the server as an error.
func (client *Client) Receive() (*parley.ServerMessage, error) {
	message, open := <-client.received
	if !open {
		return nil, io.ErrUnexpectedEOF
	}
	if refused := message.GetError(); refused != nil {
		return nil, fmt.Errorf("%v: %s", refused.Code, refused.Message)
	}
	return message, nil
}

// Ask sends a message and gives what comes next: here nothing else is under way.
func (client *Client) Ask(message *parley.ClientMessage) (*parley.ServerMessage, error) {
	if err := client.Send(message); err != nil {
		return nil, err
	}
	return client.Receive()
}

// Settle says what becomes of a job.
func (client *Client) Settle(job *parley.Job, verdict parley.Verdict, reason string) error {
	settle := &parley.Settle{Consumer: job.Consumer, Tokens: []uint64{job.Token}, Verdict: verdict, Error: reason}
	return client.Send(&parley.ClientMessage{Message: &parley.ClientMessage_Settle{Settle: settle}})
}

// Work does the jobs of a queue, one after the other, until one says stop.
func (client *Client) Work(queue string) error {
	pull := &parley.Pull{Consumer: 1, Queue: queue, Prefetch: proto.Uint32(1)}
	if err := client.Send(&parley.ClientMessage{Message: &parley.ClientMessage_Pull{Pull: pull}}); err != nil {
		return err
	}
	for last := false; ; {
		message, err := client.Receive() // the Ack of the pull, a Settled, or a job
		if err != nil {
			return err
		}
		job := message.GetJob()
		if job == nil {
			if last && message.GetSettled() != nil {
				return nil
			}
			continue
		}
		verdict, reason := parley.Verdict_VERDICT_ACK, ""
		switch payload := string(job.Payload); payload {
		case "":
			verdict, reason = parley.Verdict_VERDICT_REJECT, "there is no address" // it would fail again: a dead letter
		case "stop":
			last = true
		default:
			fmt.Printf("sent to %s, attempt %d\n", payload, job.Attempt)
		}
		if err := client.Settle(job, verdict, reason); err != nil {
			return err
		}
	}
}

func run(host, port string) error {
	client, err := Connect(host, port)
	if err != nil {
		return err
	}
	defer client.connection.Close()
	echo := &parley.ClientMessage_EchoMessage{EchoMessage: &parley.EchoMessage{Content: "Hello, World!"}}
	answer, err := client.Ask(&parley.ClientMessage{Message: echo})
	if err != nil {
		return err
	}
	fmt.Println(answer.GetEchoMessage().Content)

	// With echo the connection hears what it publishes itself. The event comes before the Ack of its publish or after it.
	subscribe := &parley.ClientMessage_Subscribe{Subscribe: &parley.Subscribe{Pattern: "orders.>", Echo: true}}
	if _, err := client.Ask(&parley.ClientMessage{Message: subscribe}); err != nil {
		return err
	}
	event := &parley.ClientMessage_Event{Event: &parley.Event{Topic: "orders.eu.created", Payload: []byte("42 pieces")}}
	if err := client.Send(&parley.ClientMessage{Message: event}); err != nil {
		return err
	}
	for range [2]struct{}{} {
		message, err := client.Receive()
		if err != nil {
			return err
		}
		if event := message.GetEvent(); event != nil {
			fmt.Println(event.Topic, string(event.Payload))
		}
	}
	for _, to := range []string{"ann", ""} {
		job := &parley.ClientMessage_Job{Job: &parley.Job{Queue: "emails", Payload: []byte(to)}}
		if _, err := client.Ask(&parley.ClientMessage{Message: job}); err != nil {
			return err
		}
	}
	return client.Work("emails")
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: parley HOST PORT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
