// What a C++ program may expect of Parley, with the official runtime: cpp_interop HOST TCP_PORT
// Prints one line for each group of checks; the first failed check ends it with exit code 1.
#include <atomic>
#include <iostream>
#include <thread>
#include <vector>

#include "parley_client.hpp"

using parley::Client;
using parley::v1::ClientMessage;
using parley::v1::ErrorCode;

namespace {

std::string host, port;

void Check(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("failed: " + what);
}

template <typename Action>
ErrorCode Refusal(Action action) {
  try {
    action();
  } catch (const parley::Refused& refused) {
    return refused.code;
  }
  throw std::runtime_error("the server did not refuse");
}

void EchoAndAdd() {
  Client client(host, port);
  for (const std::string& text : {std::string("Hello, World!"), std::string(),
                                  std::string("Gr\xc3\xbc\xc3\x9f" "e, \xf0\x9f\xa6\x80"),
                                  std::string("nul \0 inside", 12), std::string(65536, 'y')}) {
    Check(client.Echo(text) == text, "echo of " + std::to_string(text.size()) + " bytes");
  }
  Check(client.Add(0, 0) == 0, "0 + 0");
  Check(client.Add(-5, 3) == -2, "-5 + 3");
  Check(client.Add(2147483647, -2147483647 - 1) == -1, "largest + smallest");
}

void TypedErrors() {
  Client client(host, port);
  Check(Refusal([&] { client.Add(2147483647, 1); }) == parley::v1::ERROR_CODE_INVALID_ARGUMENT,
        "a sum that is too large");
  Check(Refusal([&] {
          client.Send(ClientMessage());
          client.Receive();
        }) == parley::v1::ERROR_CODE_INVALID_ARGUMENT,
        "an empty message");
  Check(client.Add(20, 22) == 42, "the connection goes on after a refusal");
}

void Pipelining() {
  Client client(host, port);
  std::vector<uint64_t> ids;
  for (int number = 0; number < 200; ++number) {
    ClientMessage message;
    message.mutable_add_request()->set_a(number);
    ids.push_back(client.Send(message));
  }
  for (int number = 0; number < 200; ++number) {
    auto answer = client.Receive();
    Check(answer.id() == ids[number] && answer.add_response().result() == number, "order of answers");
  }
}

void ManyClients() {
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < 50; ++number) {
    threads.emplace_back([&good, number] {
      try {
        Client client(host, port);
        for (int turn = 0; turn < 20; ++turn) good += client.Add(number, turn) == number + turn;
      } catch (const std::exception& reason) {
        std::cerr << reason.what() << "\n";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Check(good == 50 * 20, "all answers of 50 clients");
}

}  // namespace

int main(int, char** arguments) {
  host = arguments[1];
  port = arguments[2];
  const std::pair<const char*, void (*)()> groups[] = {{"echo and add", EchoAndAdd},
                                                       {"typed errors", TypedErrors},
                                                       {"pipelining", Pipelining},
                                                       {"50 clients at once", ManyClients}};
  try {
    for (const auto& [name, check] : groups) {
      check();
      std::cout << "ok: " << name << std::endl;
    }
  } catch (const std::exception& reason) {
    std::cerr << reason.what() << std::endl;
    return 1;
  }
}
