// protoc --proto_path=proto --cpp_out=generated proto/parley/v1/*.proto
// g++ -std=c++17 -Igenerated examples/cpp/echo_add.cc generated/parley/v1/*.cc -lprotobuf -o echo_add
// ./echo_add localhost 7311
#include <iostream>

#include "parley_client.hpp"

int main(int, char** arguments) {
  parley::Client client(arguments[1], arguments[2]);
  std::cout << client.Echo("Hello, World!") << "\n" << client.Add(40, 2) << "\n";
  try {
    client.Add(2147483647, 1);
  } catch (const parley::Refused& refused) {
    std::cout << parley::v1::ErrorCode_Name(refused.code) << "\n";
  }
}
