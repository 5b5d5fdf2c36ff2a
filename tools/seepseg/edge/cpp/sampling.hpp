// From the network's coarse maps to pixels of the image, one axis at a time; and masks as COCO's run lengths.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "letterbox.hpp"

namespace seepseg {

// What a line of pixels takes of the cells of a map: weights of cells next to each other, those at the ends not 0.
struct Tap {
    int first = 0, count = 0;
    std::array<float, 4> weights{};

    int end() const { return first + count; }
    float weight(int cell) const {
        return cell >= first && cell < end() ? weights[static_cast<size_t>(cell - first)] : 0;
    }
    template <class Cells> float sum(Cells&& cell) const {
        float total = 0;
        for (int index = 0; index < count; ++index) total += weights[static_cast<size_t>(index)] * cell(first + index);
        return total;
    }
};

using Axis = std::vector<Tap>;

inline Tap mix(const Tap& one, const Tap& other, float share) {
    int first = std::min(one.first, other.first), end = std::max(one.end(), other.end());
    const auto weight = [&](int cell) { return one.weight(cell) * (1 - share) + other.weight(cell) * share; };
    while (first + 1 < end && weight(first) == 0) ++first;
    while (end - 1 > first && weight(end - 1) == 0) --end;
    Tap mixed{first, std::min(end - first, 4), {}};  // neighbours share cells: three at most
    for (int index = 0; index < mixed.count; ++index) mixed.weights[static_cast<size_t>(index)] = weight(first + index);
    return mixed;
}

// Resized to `target` lines, pixel centres mapped to pixel centres, the border lines repeated.
inline Axis mix(const Axis& lines, int target) {
    const int count = static_cast<int>(lines.size());
    Axis mixed;
    for (int index = 0; index < target; ++index) {
        const double at = std::max((index + 0.5) * (static_cast<double>(count) / target) - 0.5, 0.0);
        const int low = static_cast<int>(at);
        const auto high = static_cast<size_t>(std::min(low + 1, count - 1));
        mixed.push_back(mix(lines[static_cast<size_t>(low)], lines[high], static_cast<float>(at - low)));
    }
    return mixed;
}

inline Axis axis_of(int cells, int gain, int start, int length, int pixels) {
    Axis single;
    for (int cell = 0; cell < cells; ++cell) single.push_back({cell, 1, {1}});
    const Axis fine = mix(single, cells * gain);
    const Axis cut(fine.begin() + start, fine.begin() + std::min(start + length, cells * gain));
    return length == pixels ? cut : mix(cut, pixels);
}

struct Axes {
    Axis rows, columns;
};

// Bilinear in two steps as Ultralytics goes: enlarge until the border ends between two cells, cut it off, and resize to
// the image. `whole` enlarges to the input's size.
inline Axes axes_of(const Frame& frame, int map_height, int map_width, bool whole) {
    const int stride = map_height > 0 ? frame.imgsz / map_height : 0;
    if (stride < 1 || map_height != map_width || stride * map_height != frame.imgsz)
        throw Error("the model gives maps that do not fit its input; export it again with 'seepseg export'");
    const int spare = (frame.imgsz - frame.resized_height) | (frame.imgsz - frame.resized_width);
    const int gain = whole ? stride : stride / std::gcd(stride, spare | spare / 2);
    const auto along = [&](int before, int resized, int pixels) {
        return axis_of(map_height, gain, before * gain / stride, resized * gain / stride, pixels);
    };
    return {along(frame.top, frame.resized_height, frame.height), along(frame.left, frame.resized_width, frame.width)};
}

// The pixels of one object in an image, column after column: counts of zeros and ones in turn, zeros first.
class Runs {
  public:
    explicit Runs(int64_t pixels) : pixels_(pixels) {}

    // Runs come in rising order and don't overlap.
    void add(int64_t start, int64_t length) {
        if (start == end_ && !counts_.empty()) {
            counts_.back() += length;
        } else {
            counts_.push_back(start - end_);
            counts_.push_back(length);
        }
        end_ = start + length;
        area_ += length;
    }
    int64_t area() const { return area_; }
    // The same but for the pixels that hold no data; false where less than that share is left, or nothing.
    bool cut_to_data(const std::vector<bool>& nodata, double least) {
        if (nodata.empty() || !area_) return true;
        Runs kept(pixels_);
        int64_t at = 0;
        for (size_t index = 0; index < counts_.size(); index += 2) {
            at += counts_[index];
            for (const int64_t end = at + counts_[index + 1]; at < end; ++at)
                if (!nodata[static_cast<size_t>(at)]) kept.add(at, 1);
        }
        const double before = static_cast<double>(area_);
        *this = std::move(kept);
        return area_ > 0 && static_cast<double>(area_) >= least * before;
    }
    std::string json() const {
        std::string text;
        for (const int64_t count : counts_) text += std::to_string(count) + ",";
        if (end_ < pixels_) return text + std::to_string(pixels_ - end_);
        text.pop_back();
        return text;
    }

  private:
    int64_t pixels_, end_ = 0, area_ = 0;
    std::vector<int64_t> counts_;
};

// What was found, as both kinds of networks tell it.
struct Instance {
    int class_id;
    double score;
    std::array<double, 4> box;  // left, top, right, bottom
    Runs mask;
};

struct Answer {
    double score = 0;  // the highest of any detection, also of those that are too unsure to be instances
    std::vector<Instance> instances;
};

// The lowest confidence that tells of presence, as in evaluation.
constexpr float LEAST = 0.001f;

}  // namespace seepseg
