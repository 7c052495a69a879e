#include "distill/network.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <unordered_map>

#include "model/rope.h"

namespace slip {

using torch::Tensor;

namespace {

// Rows of logits at a time: 256 of 49k tokens are 50 MB, and the backward pass holds a few copies.
constexpr std::int64_t kLogitRows = 256;
constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kEpsilon = 1e-8;

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  return x * torch::rsqrt(x.pow(2).mean(-1, true) + eps) * weight;
}

template <class T>
Tensor stacked(std::span<const TeacherWindow> windows, std::span<const T> TeacherWindow::*field,
               torch::ScalarType type) {
  std::vector<Tensor> rows;
  for (const TeacherWindow& window : windows) {
    const std::span<const T> items = window.*field;
    rows.push_back(torch::from_blob(const_cast<T*>(items.data()),
                                    {static_cast<std::int64_t>(items.size())}, type));
  }
  return torch::stack(rows);
}

// Sums over rows of a chunk.
struct ChunkSums {
  Tensor kl;
  Tensor cross_entropy;
};

// What the teacher says of some positions, on the device.
struct Targets {
  Tensor next;       // [n] the token that follows
  Tensor ids;        // [n][k]
  Tensor log_probs;  // [n][k+1], the tail last, normalised

  Targets rows(std::int64_t begin, std::int64_t end) const {
    return {next.slice(0, begin, end), ids.slice(0, begin, end), log_probs.slice(0, begin, end)};
  }
};

}  // namespace

struct Network::State {
  ModelConfig config;
  NetworkOptions options;
  torch::Device device{torch::kCPU};
  std::vector<std::string> names;
  std::vector<Tensor> weights, first_moments, second_moments;
  std::unordered_map<std::string, std::size_t> index;
  Tensor cos, sin;  // [window][n_rot/2]

  const Tensor& weight(const std::string& name) const { return weights[index.at(name)]; }
  bool is_tied() const { return index.count("output.weight") == 0; }
  const Tensor& output() const { return weight(is_tied() ? "token_embd.weight" : "output.weight"); }

  // x: [batch][heads][time][head_dim]
  Tensor rotated(const Tensor& x) const {
    const RopeSpec& rope = config.ropes[0];
    const std::int64_t n_rot = rope.n_rot, n = x.size(2);
    const Tensor turned = x.slice(-1, 0, n_rot), rest = x.slice(-1, n_rot);
    const Tensor c = cos.slice(0, 0, n), s = sin.slice(0, 0, n);
    Tensor first, second;
    if (rope.interleaved) {
      const Tensor pairs = turned.unflatten(-1, {n_rot / 2, 2});
      first = pairs.select(-1, 0);
      second = pairs.select(-1, 1);
    } else {
      first = turned.slice(-1, 0, n_rot / 2);
      second = turned.slice(-1, n_rot / 2);
    }
    const Tensor a = first * c - second * s, b = first * s + second * c;
    const Tensor out =
        rope.interleaved ? torch::stack({a, b}, -1).flatten(-2) : torch::cat({a, b}, -1);
    return rest.size(-1) == 0 ? out : torch::cat({out, rest}, -1);
  }

  Tensor attention(const Tensor& x, const LayerRecipe& layer, const std::string& prefix) const {
    const std::int64_t batch = x.size(0), n = x.size(1);
    const std::int64_t group = layer.n_heads / layer.n_kv_heads;
    const auto heads = [&](const char* name, std::int64_t n_heads) {
      const Tensor y = torch::linear(x, weight(prefix + name));
      return y.view({batch, n, n_heads, layer.head_dim}).transpose(1, 2);
    };
    const Tensor q = rotated(heads("attn_q.weight", layer.n_heads));
    const Tensor k = rotated(heads("attn_k.weight", layer.n_kv_heads));
    const Tensor v = heads("attn_v.weight", layer.n_kv_heads);
    // Heads of a group share keys: their queries stand one behind the other.
    const Tensor grouped = q.reshape({batch, layer.n_kv_heads, group * n, layer.head_dim});
    const double scale = config.attention_scale > 0 ? static_cast<double>(config.attention_scale)
                                                    : 1 / std::sqrt(double(layer.head_dim));
    Tensor scores = torch::matmul(grouped * scale, k.transpose(-2, -1));
    const Tensor future = torch::ones({n, n}, x.options().dtype(torch::kBool)).triu(1);
    scores = scores.masked_fill(future.repeat({group, 1}), -INFINITY);
    const Tensor mixed = torch::matmul(torch::softmax(scores, -1), v);
    const Tensor joined = mixed.reshape({batch, layer.n_heads, n, layer.head_dim})
                              .transpose(1, 2)
                              .reshape({batch, n, std::int64_t{layer.n_heads} * layer.head_dim});
    return torch::linear(joined, weight(prefix + "attn_output.weight"));
  }

  Tensor feed_forward(const Tensor& x, const std::string& prefix) const {
    const Tensor gate = torch::silu(torch::linear(x, weight(prefix + "ffn_gate.weight")));
    const Tensor up = torch::linear(x, weight(prefix + "ffn_up.weight"));
    return torch::linear(gate * up, weight(prefix + "ffn_down.weight"));
  }

  // tokens [batch][time] → what the output matrix takes, [batch][time][d_model]
  Tensor hidden(const Tensor& tokens) const {
    const double eps = config.norm_eps;
    Tensor x = torch::embedding(weight("token_embd.weight"), tokens);
    for (int i = 0; i < config.n_layers(); ++i) {
      const std::string prefix = fmt::format("blk.{}.", i);
      const LayerRecipe& layer = config.layers[static_cast<std::size_t>(i)];
      x = x + attention(rms_norm(x, weight(prefix + "attn_norm.weight"), eps), layer, prefix);
      x = x + feed_forward(rms_norm(x, weight(prefix + "ffn_norm.weight"), eps), prefix);
    }
    return rms_norm(x, weight("output_norm.weight"), eps);
  }

  Tensor tokens_of(std::span<const TeacherWindow> windows) const {
    return stacked(windows, &TeacherWindow::tokens, torch::kInt32).to(device, torch::kInt64);
  }

  Targets targets_of(std::span<const TeacherWindow> windows, const Tensor& tokens) const {
    const std::int64_t batch = tokens.size(0), n = tokens.size(1);
    const Tensor ids = stacked(windows, &TeacherWindow::ids, torch::kInt32).view({batch, n, -1});
    const Tensor best =
        stacked(windows, &TeacherWindow::log_probs, torch::kInt16).view({batch, n, -1});
    const Tensor tails = stacked(windows, &TeacherWindow::tails, torch::kInt16).unsqueeze(-1);
    // The bits of F16 under another type's name.
    const Tensor both = torch::cat({best, tails}, -1).view(torch::kHalf).to(device, torch::kFloat);
    const auto flat = [&](const Tensor& t) { return t.slice(1, 0, n - 1).flatten(0, 1); };
    return {tokens.slice(1, 1).reshape({-1}), flat(ids).to(device, torch::kInt64),
            torch::log_softmax(flat(both), -1)};
  }

  ChunkSums losses(const Tensor& states, const Targets& targets) const {
    const Tensor logits = torch::linear(states, output());
    const Tensor normaliser = logits.logsumexp(-1);
    const Tensor chosen = logits.gather(1, targets.next.unsqueeze(-1)).squeeze(-1);
    const double t = options.temperature;
    const Tensor at_t = t == 1 ? normaliser : (logits / t).logsumexp(-1);
    const Tensor best = logits.gather(1, targets.ids) / t - at_t.unsqueeze(-1);
    // What rounding leaves of a tail that is all but empty has no say.
    const Tensor tail = (1 - best.exp().sum(-1, true)).clamp_min(1e-6).log();
    const Tensor difference = targets.log_probs - torch::cat({best, tail}, -1);
    return {(targets.log_probs.exp() * difference).sum(), (normaliser - chosen).sum()};
  }

  Losses means(double kl, double cross_entropy, double n) const {
    Losses out{.kl = kl / n, .cross_entropy = cross_entropy / n};
    out.loss = options.kl_weight * options.temperature * options.temperature * out.kl +
               (1 - options.kl_weight) * out.cross_entropy;
    return out;
  }

  // With `on_chunk`, given each chunk's loss to be minimised: a share of the mean.
  Losses run(std::span<const TeacherWindow> windows, const Tensor& tokens, const Tensor& states,
             const std::function<void(const Tensor&)>& on_chunk) const {
    const Targets targets = targets_of(windows, tokens);
    const std::int64_t n = states.size(0);
    double kl = 0, cross_entropy = 0;
    for (std::int64_t begin = 0; begin < n; begin += kLogitRows) {
      const std::int64_t end = std::min(n, begin + kLogitRows);
      const ChunkSums sums = losses(states.slice(0, begin, end), targets.rows(begin, end));
      kl += sums.kl.item<double>();
      cross_entropy += sums.cross_entropy.item<double>();
      if (!on_chunk) continue;
      const double weight = options.kl_weight * options.temperature * options.temperature;
      on_chunk((weight * sums.kl + (1 - options.kl_weight) * sums.cross_entropy) /
               static_cast<double>(n));
    }
    return means(kl, cross_entropy, static_cast<double>(n));
  }

  // [batch · (time - 1)][d_model]: the positions that count.
  static Tensor scored(const Tensor& states) {
    return states.slice(1, 0, states.size(1) - 1).flatten(0, 1);
  }

  double gradient_norm() const {
    double squares = 0;
    for (const Tensor& w : weights) squares += std::pow(w.grad().norm().item<double>(), 2);
    return std::sqrt(squares);
  }
};

Network::Network(const Student& student, const NetworkOptions& options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.config = student.config;
  s.options = options;
  if (torch::cuda::is_available()) s.device = torch::Device(torch::kCUDA);
  torch::set_num_threads(options.n_threads);
  for (const Parameter& parameter : student.parameters) {
    // Torch's order: rows first.
    const std::vector<std::int64_t> shape(parameter.shape.rbegin(), parameter.shape.rend());
    const Tensor values = torch::from_blob(const_cast<float*>(parameter.values.data()), shape);
    s.index[parameter.name] = s.weights.size();
    s.names.push_back(parameter.name);
    s.weights.push_back(values.clone().to(s.device).requires_grad_(true));
    s.first_moments.push_back(torch::zeros_like(values, s.device));
    s.second_moments.push_back(torch::zeros_like(values, s.device));
  }
  const RopeAngles angles(s.config.ropes[0], options.window);
  const std::int64_t half = angles.n_rot() / 2;
  const Tensor cos = torch::empty({options.window, half}), sin = torch::empty_like(cos);
  for (std::int64_t at = 0; at < options.window; ++at) {
    angles.at(at, cos.data_ptr<float>() + at * half, sin.data_ptr<float>() + at * half);
  }
  s.cos = cos.to(s.device);
  s.sin = sin.to(s.device);
}

Network::~Network() = default;

std::string Network::device() const {
  return state_->device.is_cuda() ? "cuda" : "cpu";
}

Losses Network::add_gradient(std::span<const TeacherWindow> windows) {
  const Tensor tokens = state_->tokens_of(windows);
  const Tensor states = State::scored(state_->hidden(tokens));
  // Each chunk of logits goes back at once, and is forgotten; what it adds to the states' gradient
  // goes through the decoder in one piece.
  const Tensor leaf = states.detach().requires_grad_(true);
  const Losses losses =
      state_->run(windows, tokens, leaf, [](const Tensor& loss) { loss.backward(); });
  states.backward(leaf.grad());
  return losses;
}

Losses Network::evaluate(std::span<const TeacherWindow> windows) {
  const torch::NoGradGuard no_grad;
  const Tensor tokens = state_->tokens_of(windows);
  return state_->run(windows, tokens, State::scored(state_->hidden(tokens)), nullptr);
}

double Network::update(const UpdateOptions& o) {
  const torch::NoGradGuard no_grad;
  State& s = *state_;
  const double norm = s.gradient_norm();
  const double shrink = norm > o.clip_norm ? o.clip_norm / norm : 1;
  const auto step = static_cast<double>(o.step);
  const double bias1 = 1 - std::pow(kBeta1, step), bias2 = 1 - std::pow(kBeta2, step);
  for (std::size_t i = 0; i < s.weights.size(); ++i) {
    Tensor& w = s.weights[i];
    const Tensor g = w.grad().mul_(shrink);
    s.first_moments[i].mul_(kBeta1).add_(g, 1 - kBeta1);
    s.second_moments[i].mul_(kBeta2).addcmul_(g, g, 1 - kBeta2);
    if (w.dim() == 2) w.mul_(1 - o.learning_rate * o.weight_decay);
    const Tensor scale = (s.second_moments[i] / bias2).sqrt_().add_(kEpsilon);
    w.addcdiv_(s.first_moments[i], scale, -o.learning_rate / bias1);
    w.mutable_grad() = Tensor();
  }
  return norm;
}

std::vector<float> Network::logits(std::span<const std::int32_t> tokens) {
  const torch::NoGradGuard no_grad;
  const Tensor ids = torch::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()));
  const Tensor out =
      torch::linear(state_->hidden(ids.unsqueeze(0).to(state_->device)), state_->output())
          .to(torch::kCPU)
          .contiguous();
  return {out.data_ptr<float>(), out.data_ptr<float>() + out.numel()};
}

void Network::store_weights(Student& student) const {
  for (Parameter& parameter : student.parameters) {
    const Tensor w = state_->weight(parameter.name).detach().to(torch::kCPU);
    std::memcpy(parameter.values.data(), w.data_ptr<float>(), w.nbytes());
  }
}

void Network::save(const std::function<void(std::span<const std::byte>)>& write) const {
  const State& s = *state_;
  for (const auto* list : {&s.weights, &s.first_moments, &s.second_moments}) {
    for (const Tensor& tensor : *list) {
      const Tensor t = tensor.detach().to(torch::kCPU);
      write(std::as_bytes(std::span(t.data_ptr<float>(), static_cast<std::size_t>(t.numel()))));
    }
  }
}

void Network::restore(const std::function<void(std::span<std::byte>)>& read) {
  const torch::NoGradGuard no_grad;
  State& s = *state_;
  for (auto* list : {&s.weights, &s.first_moments, &s.second_moments}) {
    for (Tensor& tensor : *list) {
      const Tensor t = torch::empty(tensor.sizes());
      read(std::as_writable_bytes(
          std::span(t.data_ptr<float>(), static_cast<std::size_t>(t.numel()))));
      tensor.copy_(t);
    }
  }
}

}  // namespace slip
