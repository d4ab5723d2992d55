#include "base/status.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>
#include <string>

using freestone::base::Code;
using freestone::base::Result;
using freestone::base::Status;

TEST_CASE("a default status is success and says nothing") {
  const Status status;
  CHECK(status.ok());
  CHECK(status.code() == Code::kOk);
  CHECK(std::string(status.operation()).empty());
}

TEST_CASE("a failure carries its code and what was being done") {
  const Status status(Code::kOverlap, "two blocks overlap");
  CHECK_FALSE(status.ok());
  CHECK(status.code() == Code::kOverlap);
  CHECK(status.system_error() == 0);
  CHECK(std::string(status.operation()) == "two blocks overlap");
}

TEST_CASE("a failed system call carries its errno and its name") {
  const Status status = Status::system(ENOSPC, "write");
  CHECK(status.code() == Code::kSystem);
  CHECK(status.system_error() == ENOSPC);
  CHECK(std::string(status.operation()) == "write");
}

TEST_CASE("a result holds a value or a failure, and moves the value out") {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
  REQUIRE(good.ok());
  CHECK(*good.value() == 7);
  CHECK(*good.take() == 7);
  const Result<int> bad(Status(Code::kNotFound, "looking"));
  CHECK_FALSE(bad.ok());
  CHECK(bad.status().code() == Code::kNotFound);
}

TEST_CASE("codes are numbered without a gap, as the table of lib/errors.ts is") {
  CHECK(static_cast<int>(Code::kOutOfMemory) == 1);
  CHECK(static_cast<int>(Code::kAddonNotFound) == 19);
}
