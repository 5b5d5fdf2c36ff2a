// The bundle's TorchScript model on the processor, through libtorch.
#pragma once

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bundle.hpp"
#include "semantic.hpp"

namespace seepseg {

class Network {
  public:
    explicit Network(Bundle& bundle) : bundle_(bundle) {
        std::unordered_map<std::string, std::string> extra{{"config.txt", ""}};
        // One image a process, or a few: optimising the graph for its input takes longer than it saves.
        torch::jit::setGraphExecutorOptimize(false);
        try {
            std::istringstream stream(std::move(bundle.program));
            module_ = torch::jit::load(stream, at::kCPU, extra);
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            throw Error(where() + ": not a TorchScript model (" + reason_of(error) + ")" + AGAIN);
        }
        check(extra["config.txt"]);
        module_.eval();
        number_ = at::kFloat;
        bool first = true;
        for (at::Tensor parameter : module_.parameters()) {
            if (std::exchange(first, false)) number_ = parameter.scalar_type();
            if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(ORDER));
        }
    }

    Answer predict(const Pixels& image) {
        const c10::InferenceMode without_gradients;
        const Frame frame = frame_of(image.width, image.height, bundle_.imgsz);
        std::vector<uint8_t> canvas = place(image, frame);
        const at::Tensor bytes = at::from_blob(canvas.data(), {1, frame.imgsz, frame.imgsz, 3}, at::kByte);
        const at::Tensor planes = bytes.permute({0, 3, 1, 2}).to(number_).div_(255).contiguous(ORDER);
        const std::vector<at::Tensor> outputs = run(planes);
        if (bundle_.task == "semantic") return decode_semantic(block(outputs.at(0)), frame, bundle_, image.nodata);
        return decode_segment(block(outputs.at(0)), block(outputs.at(1)), frame, bundle_, image.nodata);
    }

    // One line. Of a program that fails, TorchScript tells the way to the fault first and the fault last.
    static std::string reason_of(const std::exception& error) {
        const auto* theirs = dynamic_cast<const c10::Error*>(&error);
        std::string text = theirs ? theirs->what_without_backtrace() : error.what();
        while (text.ends_with('\n')) text.pop_back();
        if (text.starts_with("The following operation failed")) text = text.substr(text.rfind('\n') + 1);
        return text.substr(0, std::min(text.find('\n'), size_t{200}));
    }

  private:
    // In another order, convolutions round differently: the same as in Python.
#if defined(__x86_64__)
    static constexpr auto ORDER = at::MemoryFormat::ChannelsLast;
#else
    static constexpr auto ORDER = at::MemoryFormat::Contiguous;
#endif
    const Bundle& bundle_;
    torch::jit::Module module_;
    at::ScalarType number_ = at::kFloat;

    std::string where() const { return (bundle_.folder / MODEL).string(); }

    // What bundle.json says of the model must be what Ultralytics wrote into it.
    void check(const std::string& config) const {
        Json json;
        try {
            json = JsonReader(config).read();
        } catch (const Error&) {
            throw Error(where() + ": does not say what Ultralytics writes into its exports; export the model again");
        }
        const Entry facts(&json, where(), "");
        if (facts["task"].as<std::string>() != bundle_.task) disagree("task");
        if (bundle_.task != "segment" && bundle_.task != "semantic")
            throw Error(where() + ": a model for the task " + bundle_.task + ", which gives no masks");
        if (const Entry frames = facts["frames"]; !frames.missing() && frames.whole(1, 1 << 10) > 1)
            throw Error(where() + ": sees several frames of a sequence at once, which this program does not give it; "
                                  "run it with 'python -m seepseg.edge'");
        if (std::max(facts["stride"].whole(1, LARGEST_INPUT), 32) != bundle_.stride) disagree("stride");
        std::vector<std::string> names;
        int background = -1;
        for (const auto& [key, name] : facts["names"].as<Json::Object>())
            names.push_back(Entry(&name, where(), "names").as<std::string>());
        const auto place = std::find(names.begin(), names.end(), "background");
        if (bundle_.task == "semantic" && names.size() > 1 && place != names.end()) {
            background = static_cast<int>(place - names.begin());
            names.erase(place);
        }
        if (names != bundle_.names || background != bundle_.background) disagree("names");
        // A model of one size takes no other, whatever the bundle says.
        if (const Entry any = facts["args"]["dynamic"]; !any.missing() && any.as<bool>()) return;
        if (facts["imgsz"].numbers() != std::vector<double>(2, bundle_.imgsz)) disagree("imgsz");
        if (facts["batch"].whole(1, 1 << 20) != 1)
            throw Error(where() + ": takes several images at once; export it again with 'seepseg export'");
    }

    [[noreturn]] void disagree(const std::string& what) const {
        throw Error(where() + ": disagrees with the bundle on " + what + AGAIN);
    }

    std::vector<at::Tensor> run(const at::Tensor& input) {
        c10::IValue raw;
        try {
            raw = module_.forward({input});
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            throw Error(where() + ": could not be run (" + reason_of(error) + "); export the model again");
        }
        std::vector<at::Tensor> outputs;
        if (raw.isTensor()) outputs.push_back(raw.toTensor());
        if (raw.isTuple())
            for (const c10::IValue& part : raw.toTuple()->elements())
                if (part.isTensor()) outputs.push_back(part.toTensor());
        std::vector<int64_t> wanted{3, 4};
        if (bundle_.task == "semantic") wanted = {4};
        bool fits = outputs.size() == wanted.size();
        for (size_t index = 0; fits && index < wanted.size(); ++index) {
            at::Tensor& one = outputs[index];
            fits = one.dim() == wanted[index] && one.size(0) == 1 && one.is_floating_point() && one.numel() > 0 &&
                   one.numel() < (int64_t{1} << 31);
            if (!fits) break;
            one = one.to(at::kFloat).contiguous();
            if (!one.isfinite().all().item<bool>())
                throw Error(where() + ": gives no numbers for this image; export the model again");
        }
        if (!fits)
            throw Error(where() + ": does not give what a network for " + bundle_.task +
                        " gives; export it with 'seepseg export'");
        return outputs;
    }

    static Block block(const at::Tensor& tensor) {
        const auto side = [&](int64_t axis) { return static_cast<int>(tensor.size(tensor.dim() + axis)); };
        return {tensor.const_data_ptr<float>(), tensor.dim() == 4 ? side(-3) : 1, side(-2), side(-1)};
    }
};

}  // namespace seepseg
