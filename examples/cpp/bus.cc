// Publish, subscribe, call and serve, one step after the other. A program that does several of these
// on one connection reads it in one place and looks at what comes: events, calls and answers mix.
//
// protoc --proto_path=proto --cpp_out=generated proto/parley/v1/*.proto
// g++ -std=c++17 -Igenerated examples/cpp/bus.cc generated/parley/v1/*.cc -lprotobuf -o bus
// ./bus localhost 7311
#include <iostream>

#include "parley_client.hpp"

using parley::v1::ClientMessage;

int main(int, char** arguments) {
  parley::Client reader(arguments[1], arguments[2]);
  parley::Client writer(arguments[1], arguments[2]);

  ClientMessage subscribe;
  subscribe.mutable_subscribe()->set_pattern("orders.>");
  subscribe.mutable_subscribe()->set_type("acme.v1.OrderCreated");
  reader.Send(subscribe);
  reader.Receive();  // the Ack: from now on events come

  ClientMessage publish;
  publish.mutable_event()->set_topic("orders.eu.created");
  publish.mutable_event()->set_type("acme.v1.OrderCreated");
  publish.mutable_event()->set_payload("42 pieces");
  writer.Send(publish);
  std::cout << writer.Receive().ack().receivers() << " ";
  const auto event = reader.Receive().event();
  std::cout << event.topic() << " " << event.payload() << "\n";

  ClientMessage offer;
  offer.mutable_register_()->set_method("acme.Text/Length");
  reader.Send(offer);
  reader.Receive();

  ClientMessage call;
  call.mutable_call()->set_method("acme.Text/Length");
  call.mutable_call()->set_payload("hello");
  writer.Send(call);
  const auto asked = reader.Receive();
  ClientMessage answer;
  answer.set_id(asked.id());
  answer.mutable_answer()->set_payload(std::to_string(asked.call().payload().size()));
  reader.SendAs(answer);
  std::cout << writer.Receive().answer().payload() << "\n";

  call.mutable_call()->set_method("acme.Text/Nobody");
  writer.Send(call);
  try {
    writer.Receive();
  } catch (const parley::Refused& refused) {
    std::cout << parley::v1::ErrorCode_Name(refused.code) << "\n";
  }
}
