// What a semantic head gives, as instances: pixels of one class that touch, corners included.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "segment.hpp"

namespace seepseg {

// Pixels of one class side by side; `sum` is of their probabilities.
struct Run {
    int row, start, end, class_id;
    double sum;
    size_t parent;
};

struct Component {
    int class_id, left, top, right, bottom;
    double sum = 0;
    int64_t area = 0;
    std::vector<size_t> runs;

    double mean() const { return sum / static_cast<double>(area); }
};

// The class of a pixel, -1 where nothing is, and how probable it is.
inline std::pair<int, float> class_of(const std::vector<float>& values, int background) {
    if (values.size() == 1) return {values[0] > 0 ? 0 : -1, (1 + std::tanh(values[0] / 2)) / 2};
    const auto top = std::max_element(values.begin(), values.end());
    const int channel = static_cast<int>(top - values.begin());
    float total = 0;
    for (const float value : values) total += std::exp(value - *top);
    const int behind = background >= 0 && channel > background;
    return {channel == background ? -1 : channel - behind, 1 / total};
}

// Row by row, so that neither logits nor classes are ever held at the image's size.
inline std::vector<Run> runs_of(const Block& logits, const Frame& frame, int background) {
    const Axes axes = axes_of(frame, logits.rows, logits.columns, true);
    std::vector<Run> runs;
    std::vector<float> line(static_cast<size_t>(logits.planes * logits.columns));
    std::vector<float> values(static_cast<size_t>(logits.planes));
    for (int y = 0; y < frame.height; ++y) {
        for (int plane = 0; plane < logits.planes; ++plane)
            for (int column = 0; column < logits.columns; ++column)
                line[static_cast<size_t>(plane * logits.columns + column)] =
                    axes.rows[static_cast<size_t>(y)].sum([&](int row) { return logits.at(plane, row, column); });
        for (int x = 0; x < frame.width; ++x) {
            for (int plane = 0; plane < logits.planes; ++plane)
                values[static_cast<size_t>(plane)] = axes.columns[static_cast<size_t>(x)].sum(
                    [&](int column) { return line[static_cast<size_t>(plane * logits.columns + column)]; });
            const auto [id, probability] = class_of(values, background);
            if (id < 0) continue;
            const Run* last = runs.empty() ? nullptr : &runs.back();
            if (!last || last->row != y || last->end != x || last->class_id != id)
                runs.push_back({y, x, x, id, 0, runs.size()});
            runs.back().end = x + 1;
            runs.back().sum += static_cast<double>(probability);
        }
    }
    return runs;
}

inline size_t root_of(std::vector<Run>& runs, size_t run) {
    while (runs[run].parent != run) run = runs[run].parent = runs[runs[run].parent].parent;
    return run;
}

// Runs of neighbouring rows that share an edge or a corner get the first of them all as their root.
inline void join(std::vector<Run>& runs) {
    size_t above = 0;
    for (size_t at = 0; at < runs.size(); ++at) {
        const Run& one = runs[at];
        const int before = one.row - 1;
        while (runs[above].row < before || (runs[above].row == before && runs[above].end < one.start)) ++above;
        for (size_t other = above; runs[other].row == before && runs[other].start <= one.end; ++other) {
            if (runs[other].class_id != one.class_id) continue;
            const size_t root = root_of(runs, at), other_root = root_of(runs, other);
            runs[std::max(root, other_root)].parent = std::min(root, other_root);
        }
    }
}

// In the order of their first pixels.
inline std::vector<Component> components_of(std::vector<Run>& runs) {
    join(runs);
    std::map<size_t, Component> found;
    for (size_t at = 0; at < runs.size(); ++at) {
        const Run& run = runs[at];
        const Component fresh{run.class_id, run.start, run.row, run.end, run.row + 1, 0, 0, {}};
        Component& part = found.try_emplace(root_of(runs, at), fresh).first->second;
        part.left = std::min(part.left, run.start);
        part.right = std::max(part.right, run.end);
        part.bottom = std::max(part.bottom, run.row + 1);
        part.sum += run.sum;
        part.area += run.end - run.start;
        part.runs.push_back(at);
    }
    std::vector<Component> parts;
    for (auto& entry : found) parts.push_back(std::move(entry.second));
    return parts;
}

inline Runs mask_of(const Component& part, const std::vector<Run>& runs, const Frame& frame) {
    const int high = part.bottom - part.top;
    std::vector<uint8_t> bitmap(static_cast<size_t>(part.right - part.left) * static_cast<size_t>(high));
    const auto place = [&](int x, int y) {
        return static_cast<size_t>(x - part.left) * static_cast<size_t>(high) + static_cast<size_t>(y - part.top);
    };
    for (const size_t at : part.runs)
        for (int x = runs[at].start; x < runs[at].end; ++x) bitmap[place(x, runs[at].row)] = 1;
    Runs mask(static_cast<int64_t>(frame.width) * frame.height);
    for (int x = part.left; x < part.right; ++x)
        for (int y = part.top; y < part.bottom; ++y)
            if (bitmap[place(x, y)]) mask.add(static_cast<int64_t>(x) * frame.height + y, 1);
    return mask;
}

inline Answer decode_semantic(const Block& logits, const Frame& frame, const Bundle& bundle,
                              const std::vector<bool>& nodata) {
    if (logits.planes != static_cast<int>(bundle.names.size()) + (bundle.background >= 0))
        throw Error("the model gives other classes than the bundle names; export it again with 'seepseg export'");
    std::vector<Run> runs = runs_of(logits, frame, bundle.background);
    std::vector<Component> parts = components_of(runs);
    std::stable_sort(parts.begin(), parts.end(), [](auto& one, auto& other) { return one.mean() > other.mean(); });
    Answer answer;
    for (const Component& part : parts) {
        const double score = part.mean();
        if (!(static_cast<float>(score) > LEAST)) continue;
        const bool sure = score > bundle.limits[static_cast<size_t>(part.class_id)];
        Runs mask = sure || !nodata.empty() ? mask_of(part, runs, frame) : Runs(0);
        if (!mask.cut_to_data(nodata, 0)) continue;
        answer.score = std::max(answer.score, score);
        if (!sure) continue;
        const std::array<double, 4> box{static_cast<double>(part.left), static_cast<double>(part.top),
                                        static_cast<double>(part.right), static_cast<double>(part.bottom)};
        answer.instances.push_back({part.class_id, score, box, std::move(mask)});
    }
    return answer;
}

}  // namespace seepseg
