// How an image lies in the network's square input, and back: the same bytes as OpenCV's fixed-point bilinear resize.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "image.hpp"

namespace seepseg {

constexpr uint8_t BORDER = 114;

struct Frame {
    int width, height, imgsz, resized_width, resized_height, left, top;
};

// Halves are rounded to even, as nearbyint does and Python's round.
inline Frame frame_of(int width, int height, int imgsz) {
    const double scale = std::min(imgsz / static_cast<double>(height), imgsz / static_cast<double>(width));
    const auto fitted = [&](int side) { return std::max(static_cast<int>(std::nearbyint(side * scale)), 1); };
    const auto before = [&](int side) { return static_cast<int>(std::nearbyint((imgsz - side) / 2.0 - 0.1)); };
    const int wide = fitted(width), high = fitted(height);
    return {width, height, imgsz, wide, high, before(wide), before(high)};
}

// The pixel before each new one, maybe outside of the image, and the weights of it and of the next in parts of 2048.
struct ResizeTap {
    int first, weight, next_weight;
};

inline std::vector<ResizeTap> resize_taps(int source, int target) {
    const double step = 1.0 / (static_cast<double>(target) / source);
    std::vector<ResizeTap> taps;
    for (int index = 0; index < target; ++index) {
        const auto at = static_cast<float>((index + 0.5) * step - 0.5);
        const float low = std::floor(at), share = at - low;
        taps.push_back({static_cast<int>(low), static_cast<int>(std::nearbyint((1 - share) * 2048)),
                        static_cast<int>(std::nearbyint(share * 2048))});
    }
    return taps;
}

inline Pixels halve(const Pixels& image) {
    Pixels small{image.width / 2, image.height / 2, image.channels, {}};
    const auto next = static_cast<size_t>(image.channels), row = static_cast<size_t>(image.width) * next;
    for (int y = 0; y < small.height; ++y)
        for (int x = 0; x < small.width; ++x)
            for (int c = 0; c < image.channels; ++c) {
                const uint8_t* at = image.data.data() + static_cast<size_t>(2 * y) * row + 2 * x * image.channels + c;
                small.data.push_back(static_cast<uint8_t>((at[0] + at[next] + at[row] + at[row + next] + 2) >> 2));
            }
    return small;
}

// OpenCV sets the weights at the left and right border to one pixel alone, but at top and bottom takes the border row
// twice; each of the two is rounded on its own.
inline Pixels resize(const Pixels& image, int width, int height) {
    if (image.width == 2 * width && image.height == 2 * height) return halve(image);
    std::vector<ResizeTap> across = resize_taps(image.width, width), down = resize_taps(image.height, height);
    for (ResizeTap& tap : across)
        if (tap.first < 0 || tap.first + 1 >= image.width) tap = {std::clamp(tap.first, 0, image.width - 1), 2048, 0};
    const int channels = image.channels;
    const auto row_bytes = static_cast<size_t>(image.width) * static_cast<size_t>(channels);
    struct Line {
        int row = -1;
        std::vector<int> values;
    };
    std::array<Line, 2> lines;  // rows next to each other never meet in one of the two
    const auto line = [&](int row) -> const std::vector<int>& {
        row = std::clamp(row, 0, image.height - 1);
        Line& kept = lines[static_cast<size_t>(row & 1)];
        if (kept.row == row) return kept.values;
        kept.row = row;
        kept.values.clear();
        const uint8_t* pixels = image.data.data() + static_cast<size_t>(row) * row_bytes;
        for (const ResizeTap& tap : across)
            for (int c = 0; c < channels; ++c) {
                const uint8_t* at = pixels + tap.first * channels + c;
                const int next = tap.next_weight ? at[channels] * tap.next_weight : 0;
                kept.values.push_back((*at * tap.weight + next) >> 4);
            }
        return kept.values;
    };
    Pixels resized{width, height, channels, {}};
    for (const ResizeTap& tap : down) {
        const std::vector<int>&upper = line(tap.first), &lower = line(tap.first + 1);
        for (size_t at = 0; at < upper.size(); ++at) {
            const int sum = ((upper[at] * tap.weight) >> 16) + ((lower[at] * tap.next_weight) >> 16);
            resized.data.push_back(static_cast<uint8_t>((sum + 2) >> 2));
        }
    }
    return resized;
}

// Red, green and blue of each pixel of the input; a grey image fills all three.
inline std::vector<uint8_t> place(const Pixels& image, const Frame& frame) {
    const bool fits = frame.resized_width == frame.width && frame.resized_height == frame.height;
    const Pixels resized = fits ? Pixels{} : resize(image, frame.resized_width, frame.resized_height);
    const Pixels& shown = fits ? image : resized;
    const auto side = static_cast<size_t>(frame.imgsz), channels = static_cast<size_t>(shown.channels);
    std::vector<uint8_t> canvas(side * side * 3, BORDER);
    const uint8_t* from = shown.data.data();
    for (int y = 0; y < shown.height; ++y) {
        uint8_t* to = canvas.data() + (static_cast<size_t>(frame.top + y) * side + static_cast<size_t>(frame.left)) * 3;
        for (int x = 0; x < shown.width; ++x, from += channels)
            for (size_t c = 0; c < 3; ++c) *to++ = from[channels == 1 ? 0 : c];
    }
    return canvas;
}

}  // namespace seepseg
