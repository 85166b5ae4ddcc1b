// A Parley client in C++: the official protobuf runtime, whose delimited_message_util is the framing.
// One connection; requests may be sent ahead, answers come back in order with the same id. Nothing reads it
// while the program does something else, so it does not offer in a Hello to answer pings; the server asks
// this machine's system instead whether the connection is still there.
#pragma once

#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "parley/v1/envelope.pb.h"

namespace parley {

// The server refused a request: decide on code, show the text.
struct Refused : std::runtime_error {
  explicit Refused(const v1::Error& error) : std::runtime_error(error.message()), code(error.code()) {}
  v1::ErrorCode code;
};

inline int ConnectTcp(const std::string& host, const std::string& port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
    throw std::runtime_error("cannot find " + host);
  }
  int fd = -1;
  for (addrinfo* each = found; each != nullptr && fd < 0; each = each->ai_next) {
    fd = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
    if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  if (fd < 0) throw std::runtime_error("cannot connect to " + host + ":" + port);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

class Client {
 public:
  Client(const std::string& host, const std::string& port)
      : fd_(ConnectTcp(host, port)), input_(fd_), output_(fd_) {}
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one message, numbers it, and gives its id.
  uint64_t Send(v1::ClientMessage message) {
    message.set_id(++last_id_);
    SendAs(message);
    return last_id_;
  }

  // Sends one message with the id that it has: answers carry the id of the call.
  void SendAs(const v1::ClientMessage& message) {
    if (!google::protobuf::util::SerializeDelimitedToZeroCopyStream(message, &output_) ||
        !output_.Flush()) {
      throw std::runtime_error("cannot send");
    }
  }

  // Gives the next message; throws Refused for an error.
  v1::ServerMessage Receive() {
    v1::ServerMessage message;
    bool clean_eof = false;
    if (!google::protobuf::util::ParseDelimitedFromZeroCopyStream(&message, &input_, &clean_eof)) {
      throw std::runtime_error(clean_eof ? "the server closed the connection" : "cannot receive");
    }
    if (message.has_error()) throw Refused(message.error());
    return message;
  }

  std::string Echo(const std::string& content) {
    v1::ClientMessage message;
    message.mutable_echo_message()->set_content(content);
    Send(message);
    return Receive().echo_message().content();
  }

  int32_t Add(int32_t a, int32_t b) {
    v1::ClientMessage message;
    message.mutable_add_request()->set_a(a);
    message.mutable_add_request()->set_b(b);
    Send(message);
    return Receive().add_response().result();
  }

 private:
  int fd_;
  uint64_t last_id_ = 0;
  google::protobuf::io::FileInputStream input_;
  google::protobuf::io::FileOutputStream output_;
};

}  // namespace parley
