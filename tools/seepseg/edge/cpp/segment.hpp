// What a YOLO segmentation head gives, as instances: the same candidates, suppression and masks as seepseg.predict.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bundle.hpp"
#include "sampling.hpp"

namespace seepseg {

constexpr size_t MOST_CANDIDATES = 30'000;
// Boxes of different classes are moved apart by this much. It is part of the result: that far out, 32-bit coordinates
// are coarser.
constexpr float CLASS_STEP = 7680;

// A row-major block of floats, (planes, rows, columns).
struct Block {
    const float* data;
    int planes, rows, columns;

    float at(int plane, int row, int column) const {
        return data[(static_cast<int64_t>(plane) * rows + row) * columns + column];
    }
};

struct Candidate {
    std::array<float, 4> box;
    float score;
    int class_id;
    int64_t coefficients;  // where the first one is in the output
};

// (4 + classes + depth, anchors), boxes as centre and size; a candidate stands for its best class alone.
inline std::vector<Candidate> read_anchors(const Block& output, int classes) {
    std::vector<Candidate> found;
    for (int anchor = 0; anchor < output.columns; ++anchor) {
        int best = 0;
        for (int id = 1; id < classes; ++id)
            if (output.at(0, 4 + id, anchor) > output.at(0, 4 + best, anchor)) best = id;
        const float score = output.at(0, 4 + best, anchor);
        if (!(score > LEAST)) continue;
        const float x = output.at(0, 0, anchor), y = output.at(0, 1, anchor);
        const float half_width = output.at(0, 2, anchor) / 2, half_height = output.at(0, 3, anchor) / 2;
        found.push_back({{x - half_width, y - half_height, x + half_width, y + half_height}, score, best,
                         static_cast<int64_t>(4 + classes) * output.columns + anchor});
    }
    return found;
}

// (n, 6 + depth), of a head that has suppressed already: left, top, right, bottom, score, class, coefficients.
inline std::vector<Candidate> read_rows(const Block& output, int classes) {
    std::vector<Candidate> found;
    for (int row = 0; row < output.rows; ++row) {
        const float score = output.at(0, row, 4), id = output.at(0, row, 5);
        if (!(score > LEAST)) continue;
        if (!(id >= 0 && id < static_cast<float>(classes)))
            throw Error("the model gives a class that the bundle has no name for; export it with 'seepseg export'");
        const auto edge = [&](int place) { return output.at(0, row, place); };
        found.push_back({{edge(0), edge(1), edge(2), edge(3)}, score, static_cast<int>(id),
                         static_cast<int64_t>(row) * output.columns + 6});
    }
    return found;
}

inline bool too_close(const std::array<float, 4>& one, const std::array<float, 4>& other, double iou) {
    float shared = std::max(std::min(one[2], other[2]) - std::max(one[0], other[0]), 0.0f);
    shared *= std::max(std::min(one[3], other[3]) - std::max(one[1], other[1]), 0.0f);
    const auto area = [](const std::array<float, 4>& box) { return (box[2] - box[0]) * (box[3] - box[1]); };
    // Two boxes without area give 0 / 0, which suppresses nothing.
    return static_cast<double>(shared / (area(one) + area(other) - shared)) > iou;
}

// Those that stay, by falling score, each class by itself.
inline std::vector<Candidate> suppress(std::vector<Candidate> some, double iou, size_t most) {
    std::stable_sort(some.begin(), some.end(), [](auto& one, auto& other) { return one.score > other.score; });
    if (some.size() > MOST_CANDIDATES) some.resize(MOST_CANDIDATES);
    std::vector<Candidate> kept;
    std::vector<std::array<float, 4>> moved;
    for (const Candidate& one : some) {
        if (kept.size() == most) break;
        std::array<float, 4> box = one.box;
        for (float& edge : box) edge += static_cast<float>(one.class_id) * CLASS_STEP;
        const auto rivals = [&](const auto& other) { return too_close(other, box, iou); };
        if (std::any_of(moved.begin(), moved.end(), rivals)) continue;
        moved.push_back(box);
        kept.push_back(one);
    }
    return kept;
}

inline std::array<double, 4> box_to_image(const std::array<float, 4>& box, const Frame& frame) {
    const auto edge = [](float at, int border, int resized, int side) {
        const auto gain = static_cast<float>(static_cast<double>(resized) / side);
        const float inside = std::clamp((at - static_cast<float>(border)) / gain, 0.0f, static_cast<float>(side));
        return static_cast<double>(inside);
    };
    return {edge(box[0], frame.left, frame.resized_width, frame.width),
            edge(box[1], frame.top, frame.resized_height, frame.height),
            edge(box[2], frame.left, frame.resized_width, frame.width),
            edge(box[3], frame.top, frame.resized_height, frame.height)};
}

struct Span {
    int start, stop;
};

// The pixels whose first edge lies between, with the margin on each side, as Ultralytics crops.
inline Span pixels_between(double low, double high, double margin, int length) {
    const double reach = margin * (high - low);
    const auto end = static_cast<double>(length);
    const auto edge = [&](double at) { return static_cast<int>(std::ceil(std::clamp(at, 0.0, end))); };
    return {edge(low - reach), edge(high + reach)};
}

// The pixels in the box where the weighted sum of the prototypes, brought to the image, is above 0; column after
// column, so that no bitmap is needed.
inline Runs cut_mask(const std::vector<float>& weights, const Block& prototypes, const Axes& axes, const Frame& frame,
                     const std::array<double, 4>& box, double margin) {
    Runs mask(static_cast<int64_t>(frame.width) * frame.height);
    const Span across = pixels_between(box[0], box[2], margin, frame.width);
    const Span down = pixels_between(box[1], box[3], margin, frame.height);
    if (across.start >= across.stop || down.start >= down.stop) return mask;
    const auto cells_of = [](const Axis& axis, Span span) {
        return Span{axis[static_cast<size_t>(span.start)].first, axis[static_cast<size_t>(span.stop - 1)].end()};
    };
    const Span rows = cells_of(axes.rows, down), columns = cells_of(axes.columns, across);
    const int wide = columns.stop - columns.start, high = rows.stop - rows.start;
    std::vector<float> cells(static_cast<size_t>(wide * high)), line(static_cast<size_t>(high));
    for (int plane = 0; plane < prototypes.planes; ++plane)
        for (int row = 0; row < high; ++row)
            for (int column = 0; column < wide; ++column)
                cells[static_cast<size_t>(row * wide + column)] +=
                    weights[static_cast<size_t>(plane)] *
                    prototypes.at(plane, rows.start + row, columns.start + column);
    for (int x = across.start; x < across.stop; ++x) {
        bool hopeful = false;
        for (int row = 0; row < high; ++row) {
            const float* beside = cells.data() + row * wide - columns.start;
            const float sum = axes.columns[static_cast<size_t>(x)].sum([&](int column) { return beside[column]; });
            line[static_cast<size_t>(row)] = sum;
            hopeful |= sum > 0;
        }
        if (!hopeful) continue;
        const auto cell = [&](int row) { return line[static_cast<size_t>(row - rows.start)]; };
        for (int y = down.start; y < down.stop; ++y)
            if (axes.rows[static_cast<size_t>(y)].sum(cell) > 0)
                mask.add(static_cast<int64_t>(x) * frame.height + y, 1);
    }
    return mask;
}

// Of an object's mask, what has to lie where the image holds data; of one with less, the rest is the rim of what is
// missing.
constexpr double LEAST_ON_DATA = 0.5;

inline Answer decode_segment(const Block& output, const Block& prototypes, const Frame& frame, const Bundle& bundle,
                             const std::vector<bool>& nodata) {
    const int classes = static_cast<int>(bundle.names.size()), depth = prototypes.planes;
    const bool rows = output.columns == 6 + depth;
    if (!rows && output.rows != 4 + classes + depth)
        throw Error("the model gives other classes than the bundle names; export it again with 'seepseg export'");
    const auto most = static_cast<size_t>(bundle.max_det);
    std::vector<Candidate> kept =
        rows ? read_rows(output, classes) : suppress(read_anchors(output, classes), bundle.iou, most);
    if (kept.size() > most) kept.resize(most);
    const Axes axes = axes_of(frame, prototypes.rows, prototypes.columns, false);
    const int64_t step = rows ? 1 : output.columns;
    Answer answer;
    for (const Candidate& one : kept) {
        const auto score = static_cast<double>(one.score);
        const bool sure = score > bundle.limits[static_cast<size_t>(one.class_id)];
        if (!sure && nodata.empty()) {
            answer.score = std::max(answer.score, score);
            continue;
        }
        std::vector<float> weights;
        for (int index = 0; index < depth; ++index) weights.push_back(output.data[one.coefficients + index * step]);
        const std::array<double, 4> box = box_to_image(one.box, frame);
        Runs mask = cut_mask(weights, prototypes, axes, frame, box, bundle.margin);
        if (!mask.cut_to_data(nodata, LEAST_ON_DATA)) continue;
        answer.score = std::max(answer.score, score);
        if (!sure) continue;
        answer.instances.push_back({one.class_id, score, box, std::move(mask)});
    }
    return answer;
}

}  // namespace seepseg
