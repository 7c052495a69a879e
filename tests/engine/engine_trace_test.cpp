// What the engine records of requests and passes.
#include "engine/engine_trace.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "engine/batch_support.h"

namespace slip {
namespace {

using test::FakeEngine;
using test::random_tokens;
using Kind = TraceSpan::Kind;

std::string kinds(const RequestTrace& request) {
  std::string text;
  for (std::size_t i = 0; i < request.n_spans; ++i) {
    text += "qpd"[static_cast<int>(request.spans[i].kind)];
  }
  return text;
}

// One follows the other, and the last has ended.
void expect_in_order(const RequestTrace& request) {
  std::int64_t end = request.begin_ns();
  for (std::size_t i = 0; i < request.n_spans; ++i) {
    EXPECT_GE(request.spans[i].begin_ns, end) << i;
    EXPECT_GE(request.spans[i].end_ns, request.spans[i].begin_ns) << i;
    end = request.spans[i].end_ns;
  }
}

std::int64_t n_prefilled(const RequestTrace& request) {
  std::int64_t n = 0;
  for (std::size_t i = 0; i < request.n_spans; ++i) n += request.spans[i].n_tokens;
  return n;
}

TEST(EngineTrace, RequestsHaveTheirSpans) {
  FakeEngine engine({.max_rows = 64});
  engine.submit({.prompt = random_tokens(150, 1), .max_tokens = 5, .name = "long"});
  engine.submit({.prompt = random_tokens(10, 2), .max_tokens = 3, .name = "short"});
  engine.submit({.kind = RequestKind::kEmbedMean, .prompt = random_tokens(10, 3)});
  engine.run();
  const TraceSnapshot snapshot = engine->trace().snapshot();
  ASSERT_EQ(snapshot.requests.size(), 3u);
  const RequestTrace& first = snapshot.requests[0];
  EXPECT_EQ(first.label(), "long");
  EXPECT_GE(kinds(first).size(), 5u) << kinds(first);
  EXPECT_TRUE(kinds(first).starts_with("qpp") && kinds(first).ends_with("pd")) << kinds(first);
  EXPECT_EQ(n_prefilled(first), 150);
  EXPECT_EQ(first.n_prompt, 150);
  EXPECT_EQ(first.n_generated, 5);
  EXPECT_EQ(first.reason, FinishReason::kLength);
  EXPECT_EQ(kinds(snapshot.requests[1]), "qpd");
  EXPECT_EQ(kinds(snapshot.requests[2]), "qp");
  for (const RequestTrace& request : snapshot.requests) expect_in_order(request);
}

TEST(EngineTrace, PassesSayWhatWasInThem) {
  FakeEngine engine;
  engine.submit({.prompt = random_tokens(20, 1), .max_tokens = 4});
  engine.run();
  const TraceSnapshot snapshot = engine->trace().snapshot();
  ASSERT_EQ(std::ssize(snapshot.passes), engine->stats().n_steps);
  EXPECT_EQ(snapshot.passes[0].n_prefill, 19);
  EXPECT_EQ(snapshot.passes[0].n_decode, 1);
  EXPECT_EQ(snapshot.passes[0].n_running, 1);
  EXPECT_EQ(snapshot.passes[1].n_prefill, 0);
  EXPECT_EQ(snapshot.passes.back().n_running, 0);
  for (std::size_t i = 1; i < snapshot.passes.size(); ++i) {
    EXPECT_GE(snapshot.passes[i].begin_ns, snapshot.passes[i - 1].end_ns);
  }
}

TEST(EngineTrace, ThePreemptedWaitAgain) {
  FakeEngine engine({.n_pages = 8});
  for (std::uint64_t i = 0; i < 3; ++i) {
    engine.submit({.prompt = random_tokens(50, i), .max_tokens = 100});
  }
  engine.run();
  bool was_preempted = false;
  for (const RequestTrace& request : engine->trace().snapshot().requests) {
    expect_in_order(request);
    if (request.n_preemptions == 0) continue;
    was_preempted = true;
    EXPECT_NE(kinds(request).find("dqp"), std::string::npos) << kinds(request);
    EXPECT_TRUE(kinds(request).ends_with("d"));
  }
  EXPECT_TRUE(was_preempted);
}

TEST(EngineTrace, WhatGoesOnHasNoEnd) {
  FakeEngine engine;
  engine.submit({.prompt = random_tokens(20, 1), .max_tokens = 9});
  const auto only = [&] { return engine->trace().snapshot().requests.at(0); };
  EXPECT_EQ(kinds(only()), "q");
  EXPECT_EQ(only().spans[0].end_ns, 0);
  engine->step();
  engine->step();
  EXPECT_EQ(kinds(only()), "qpd");
  EXPECT_EQ(only().spans[2].end_ns, 0);
  EXPECT_FALSE(only().reason.has_value());
  engine->cancel(engine.last_id);
  EXPECT_EQ(only().spans[2].end_ns, engine.now_ns);
  EXPECT_EQ(only().reason, FinishReason::kCancelled);
}

TEST(EngineTrace, TheLastRequestsAreKept) {
  EngineTrace trace;
  const std::string name(100, 'x');
  for (RequestId id = 1; id <= 1000; ++id) {
    const auto now = static_cast<std::int64_t>(id);
    trace.begin(id, name, now);
    trace.add_pass({.begin_ns = now, .end_ns = now});
    trace.admit(id - 500, now);  // forgotten: nothing happens
  }
  TraceSnapshot all = trace.snapshot();
  ASSERT_EQ(all.requests.size(), EngineTrace::kMaxRequests);
  EXPECT_EQ(all.requests.front().id, 1001 - EngineTrace::kMaxRequests);
  EXPECT_EQ(all.requests.back().id, 1000u);
  EXPECT_EQ(all.requests.back().spans[0].end_ns, 0);
  EXPECT_EQ(all.requests.back().label(), name.substr(0, 64));
  EXPECT_EQ(all.passes.size(), EngineTrace::kMaxRequests) << "those before are of no use";
  const TraceSnapshot few = trace.snapshot(10);
  EXPECT_EQ(few.requests.front().id, 991u);
  EXPECT_EQ(few.passes.size(), 10u);
  EXPECT_TRUE(trace.snapshot(0).requests.empty());
  EXPECT_TRUE(trace.snapshot(0).passes.empty());
}

TEST(EngineTrace, ManyChunksAndPreemptionsFitInWhatThereIs) {
  EngineTrace trace;
  trace.begin(1, "", 1);
  trace.admit(1, 2);
  std::int64_t now = 2;
  for (int round = 0; round < 50; ++round) {
    for (int chunk = 0; chunk < 20; ++chunk, ++now) {
      trace.add_rows(1,
                     {.begin_ns = now, .end_ns = now + 1, .n_rows = 1, .gives_token = chunk == 19});
    }
    if (round == 0) {
      const RequestTrace request = trace.snapshot().requests.at(0);
      EXPECT_EQ(request.n_spans, RequestTrace::kMaxChunks + 1);
      EXPECT_EQ(n_prefilled(request), 20);
    }
    trace.preempt(1, now);
  }
  EXPECT_EQ(trace.snapshot().requests.at(0).n_spans, RequestTrace::kMaxSpans);
}

TEST(EngineTrace, IsReadWhileItIsWritten) {
  EngineTrace trace;
  std::thread writer([&] {
    for (RequestId id = 1; id <= 20'000; ++id) {
      const auto now = static_cast<std::int64_t>(id);
      trace.begin(id, "x", now);
      trace.add_rows(id, {.begin_ns = now, .end_ns = now, .n_rows = 1, .gives_token = true});
      trace.end({.id = id, .times = {.finished_ns = now}});
    }
  });
  for (int i = 0; i < 200; ++i) {
    for (const RequestTrace& request : trace.snapshot().requests) {
      ASSERT_EQ(request.begin_ns(), static_cast<std::int64_t>(request.id));
    }
  }
  writer.join();
}

}  // namespace
}  // namespace slip
