// seepseg-edge BUNDLE IMAGE...: what a bundle of `seepseg export` finds in images, as one line of JSON for each.
//
// Build it with `python -m seepseg.edge.cpp seepseg-edge`, or by hand, TORCH being the folder of the installed torch:
//   g++ -std=c++20 -O2 -ffp-contract=off seepseg_edge.cpp -o seepseg-edge
//       -isystem TORCH/include -isystem TORCH/include/torch/csrc/api/include
//       -L TORCH/lib -Wl,-rpath,TORCH/lib -ltorch_cpu -lc10

#include <charconv>
#include <cstdio>
#include <iostream>

#include "network.hpp"

namespace seepseg {

constexpr const char* USAGE = R"(usage: seepseg-edge [--size WxH[xN]] [--threads N] BUNDLE IMAGE...

BUNDLE  a folder of 'seepseg export' with model.torchscript in it
IMAGE   a binary PGM or PPM, of 8 bits, or of 16 where the model was trained on such; red, green, blue

--size WxH[xN]  images are values without a head, row by row, the N bands of a pixel beside each other: bytes, or
                little-endian 16-bit or 32-bit float, as the length of the file tells
--threads N     of the network (as many as there are processors)

Prints a line of JSON for each image; masks are COCO's run lengths, uncompressed. Exit 0 done, 2 something is wrong,
told on stderr.
)";

struct Arguments {
    std::optional<Size> size;
    int threads = 0;
    std::vector<std::string> places;  // the bundle, then images
};

inline uint64_t read_count(std::string_view& text, std::string_view what) {
    uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || number == 0 || number > LONGEST_SIDE) throw Error(std::string(what) + "; see --help");
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return number;
}

inline Size read_size(std::string_view text) {
    constexpr std::string_view wrong = "--size takes width and height, and bands if there are more, as 640x480x3";
    Size size;
    uint64_t* sides[] = {&size.width, &size.height, &size.bands};
    for (uint64_t*& side : sides) {
        *side = read_count(text, wrong);
        if (text.empty() && &side != sides) return size;
        if (!text.starts_with('x')) break;
        text.remove_prefix(1);
    }
    throw Error(std::string(wrong) + "; see --help");
}

inline Arguments read_arguments(const std::vector<std::string>& words) {
    Arguments found;
    for (size_t at = 0; at < words.size(); ++at) {
        const std::string& word = words[at];
        if (word != "--size" && word != "--threads") {
            if (word.starts_with("--")) throw Error(word + " is no option; see --help");
            found.places.push_back(word);
            continue;
        }
        if (++at == words.size()) throw Error(word + " lacks its value; see --help");
        std::string_view value = words[at];
        if (word == "--size") {
            found.size = read_size(value);
        } else {
            found.threads = static_cast<int>(read_count(value, "--threads takes a number from 1 to 1024"));
            if (!value.empty() || found.threads > 1024)
                throw Error("--threads takes a number from 1 to 1024; see --help");
        }
    }
    if (found.places.size() < 2) throw Error("give a bundle and an image; see --help");
    return found;
}

inline std::string decimal(double number) {
    char text[400];
    return {text, static_cast<size_t>(std::snprintf(text, sizeof text, "%.6f", number))};
}

inline std::string verdict_json(double score, const Presence& presence) {
    std::string probability = "null";
    if (presence.slope) {
        const double inside = std::clamp(score, 0.001, 1 - 0.001);
        const double value = *presence.slope * std::log(inside / (1 - inside)) + *presence.offset;
        probability = decimal(1 / (1 + std::exp(-value)));
    }
    const std::string present = score > presence.threshold ? "true" : "false";
    return "{\"present\": " + present + ", \"score\": " + decimal(score) + ", \"probability\": " + probability +
           ", \"threshold\": " + decimal(presence.threshold) + "}";
}

inline std::string instance_json(const Instance& one, const Pixels& image, const Bundle& bundle) {
    std::string box;
    for (const double edge : one.box) box += (box.empty() ? "" : ", ") + decimal(edge);
    return "{\"class\": " + json_text(bundle.names[static_cast<size_t>(one.class_id)]) +
           ", \"class_id\": " + std::to_string(one.class_id) + ", \"score\": " + decimal(one.score) +
           ", \"box\": [" + box + "], \"area\": " + std::to_string(one.mask.area()) + ", \"rle\": {\"size\": [" +
           std::to_string(image.height) + ", " + std::to_string(image.width) + "], \"counts\": [" + one.mask.json() +
           "]}}";
}

inline std::string answer_json(const fs::path& path, const Pixels& image, const Answer& answer, const Bundle& bundle) {
    std::string instances;
    for (const Instance& one : answer.instances)
        instances += (instances.empty() ? "" : ", ") + instance_json(one, image, bundle);
    return "{\"image\": " + json_text(path.filename().string()) + ", \"width\": " + std::to_string(image.width) +
           ", \"height\": " + std::to_string(image.height) +
           ", \"verdict\": " + verdict_json(answer.score, bundle.presence) + ", \"instances\": [" + instances + "]}\n";
}

inline void tell(const std::string& sentence) { std::cerr << "seepseg-edge: " << sentence << '\n'; }

// The same for every step: whatever goes wrong becomes one sentence.
template <class Step> bool attempt(const std::string& where, Step&& step) {
    try {
        step();
        return true;
    } catch (const Error& error) {
        tell(error.what());
    } catch (const std::bad_alloc&) {
        tell(where + ": needs more memory than there is");
    } catch (const std::exception& error) {
        tell(where + ": " + Network::reason_of(error));
    }
    return false;
}

inline bool run(const std::vector<std::string>& words) {
    bool fine = true;
    const bool ready = attempt("the bundle", [&] {
        const Arguments arguments = read_arguments(words);
        if (arguments.threads) at::set_num_threads(arguments.threads);
        Bundle bundle = open_bundle(arguments.places[0]);
        if (!bundle.has_thresholds)
            std::cerr << "note: no thresholds are stored in the bundle, so that 0.25 is used throughout\n";
        Network network(bundle);
        for (size_t at = 1; at < arguments.places.size(); ++at)
            fine &= attempt(arguments.places[at], [&] {
                const fs::path path = arguments.places[at];
                const Pixels image = read_image(path, arguments.size, bundle.rule);
                const std::string line = answer_json(path, image, network.predict(image), bundle);
                if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout))
                    throw Error("the answer could not be written; is the disk full?");
            });
    });
    return ready && fine;
}

}  // namespace seepseg

int main(int count, char** words) {
    const std::vector<std::string> given(words + 1, words + std::max(count, 1));
    if (std::find(given.begin(), given.end(), "--help") != given.end()) {
        std::cout << seepseg::USAGE;
        return 0;
    }
    return seepseg::run(given) ? 0 : 2;
}
