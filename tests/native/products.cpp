#include "checks.h"

namespace checks {
namespace {

double activate(double x, int64_t activation) {
    switch (nerve::Activation(activation)) {
        case nerve::Activation::relu:
            return x > 0 ? x : 0;
        case nerve::Activation::sigmoid:
            return 1 / (1 + std::exp(-x));
        case nerve::Activation::tanh:
            return std::tanh(x);
        default:
            return x;
    }
}

template <class T>
void matmul(const nerve::Kernels<T>& k) {
    const int64_t shapes[][3]{{1, 1, 1},   {2, 3, 4},     {5, 1, 7},    {1, 17, 33},   {17, 1, 0},
                              {0, 4, 3},   {3, 0, 4},     {7, 31, 9},   {8, 8, 8},     {15, 16, 17},
                              {33, 65, 5}, {40, 33, 129}, {64, 64, 64}, {13, 130, 300}};  // rows, columns, inner
    for (const auto& [rows, columns, inner] : shapes) {
        for (int mode = 0; mode < 16; ++mode) {
            const int64_t batch = mode & 1 ? 3 : 1, ta = mode >> 1 & 1, tb = mode >> 2 & 1;
            const bool shared_b = mode & 8;  // one b for the whole batch, and a bias with an activation
            nerve::MatmulShape s{batch, rows, columns, inner, rows * inner, shared_b ? 0 : inner * columns, ta, tb};
            const int64_t activation = shared_b ? mode % 4 : 0;
            std::vector<T> a = uniform<T>(batch * rows * inner), b = uniform<T>(batch * inner * columns);
            std::vector<T> bias = uniform<T>(columns);
            Output<T> out(batch * rows * columns);
            std::vector<double> want(out.size());
            for (int64_t n = 0, at = 0; n < batch; ++n)
                for (int64_t i = 0; i < rows; ++i)
                    for (int64_t j = 0; j < columns; ++j) {
                        double sum = shared_b ? bias[j] : 0;
                        for (int64_t c = 0; c < inner; ++c)
                            sum += double(a[n * s.a_batch_stride + (ta ? c * rows + i : i * inner + c)]) *
                                   double(b[n * s.b_batch_stride + (tb ? j * inner + c : c * columns + j)]);
                        want[at++] = activate(sum, activation);
                    }
            k.matmul(out.data(), a.data(), b.data(), shared_b ? bias.data() : nullptr, s, activation);
            close(label<T>("matmul", rows) + "x" + std::to_string(columns) + "x" + std::to_string(inner) + " mode " +
                      std::to_string(mode),
                  out, want, 64 * std::numeric_limits<T>::epsilon() * (4 + std::sqrt(double(inner))));
        }
    }
}

// Calls visit(index into out, into x, into kernel) for every product of a convolution.
template <class Visit>
void each_product(const nerve::Conv2DShape& s, const Visit& visit) {
    const int64_t group_channels = s.channels / s.groups, group_filters = s.filters / s.groups;
    for (int64_t n = 0, out = 0; n < s.batch; ++n)
        for (int64_t i = 0; i < s.out_height; ++i)
            for (int64_t j = 0; j < s.out_width; ++j)
                for (int64_t f = 0; f < s.filters; ++f, ++out)
                    for (int64_t p = 0; p < s.kernel_height; ++p)
                        for (int64_t q = 0; q < s.kernel_width; ++q) {
                            const int64_t y = i * s.stride_height - s.pad_top + p * s.dilation_height;
                            const int64_t x = j * s.stride_width - s.pad_left + q * s.dilation_width;
                            if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
                            for (int64_t c = 0; c < group_channels; ++c)
                                visit(out,
                                      ((n * s.height + y) * s.width + x) * s.channels +
                                          f / group_filters * group_channels + c,
                                      ((p * s.kernel_width + q) * group_channels + c) * s.filters + f);
                        }
}

template <class T>
void conv(const nerve::Kernels<T>& k) {
    // batch height width channels | kernel filters groups | out | strides | dilation | padding
    const nerve::Conv2DShape shapes[]{
        {1, 5, 5, 1, 3, 3, 1, 1, 3, 3, 1, 1, 1, 1, 0, 0},     {2, 7, 6, 3, 3, 2, 5, 1, 4, 6, 2, 1, 1, 1, 1, 1},
        {2, 9, 8, 4, 3, 3, 6, 2, 5, 4, 1, 1, 2, 2, 0, 0},     {1, 8, 8, 17, 1, 1, 33, 1, 8, 8, 1, 1, 1, 1, 0, 0},
        {3, 6, 7, 8, 3, 3, 8, 8, 6, 7, 1, 1, 1, 1, 1, 1},     {2, 12, 12, 1, 5, 5, 6, 1, 8, 8, 1, 1, 1, 1, 0, 0},
        {1, 11, 13, 16, 3, 3, 16, 1, 6, 7, 2, 2, 1, 1, 1, 1}, {0, 5, 5, 2, 3, 3, 4, 1, 3, 3, 1, 1, 1, 1, 0, 0},
        {1, 3, 3, 2, 5, 5, 3, 1, 3, 3, 1, 1, 1, 1, 2, 2},     {2, 4, 9, 6, 2, 4, 12, 3, 2, 3, 2, 3, 1, 1, 0, 1},
    };
    int number = 0;
    for (const nerve::Conv2DShape& s : shapes) {
        const std::string name = label<T>("conv2d", number++);
        const int64_t activation = number % 4;
        std::vector<T> x = uniform<T>(s.batch * s.height * s.width * s.channels), bias = uniform<T>(s.filters);
        std::vector<T> kernel = uniform<T>(s.kernel_height * s.kernel_width * s.channels / s.groups * s.filters);
        Output<T> out(s.batch * s.out_height * s.out_width * s.filters);
        std::vector<T> grad = uniform<T>(out.size());
        Output<T> grad_x(x.size()), grad_kernel(kernel.size());
        std::vector<double> want(out.size()), want_x(x.size()), want_kernel(kernel.size());
        for (int64_t i = 0; i < out.size(); ++i) want[i] = bias[i % s.filters];
        each_product(s, [&](int64_t to, int64_t from, int64_t weight) {
            want[to] += double(x[from]) * double(kernel[weight]);
            want_x[from] += double(grad[to]) * double(kernel[weight]);
            want_kernel[weight] += double(grad[to]) * double(x[from]);
        });
        for (double& value : want) value = activate(value, activation);
        const double tolerance = 512 * std::numeric_limits<T>::epsilon();
        k.conv2d(out.data(), x.data(), kernel.data(), bias.data(), s, activation);
        close(name, out, want, tolerance);
        k.conv2d_backward_input(grad_x.data(), grad.data(), kernel.data(), s);
        close(name + " backward_input", grad_x, want_x, tolerance);
        k.conv2d_backward_kernel(grad_kernel.data(), grad.data(), x.data(), s);
        close(name + " backward_kernel", grad_kernel, want_kernel, tolerance);
    }
}

template <class T>
void pool(const nerve::Kernels<T>& k) {
    // batch height width channels | pool | out | strides | padding
    const nerve::Pool2DShape shapes[]{
        {1, 4, 4, 1, 2, 2, 2, 2, 2, 2, 0, 0},  {2, 5, 7, 3, 2, 2, 3, 4, 2, 2, 0, 0},
        {2, 6, 6, 17, 3, 3, 4, 4, 1, 1, 0, 0}, {1, 5, 5, 33, 3, 3, 3, 3, 2, 2, 1, 1},
        {0, 4, 4, 2, 2, 2, 2, 2, 2, 2, 0, 0},  {1, 3, 9, 8, 1, 4, 3, 3, 1, 3, 0, 1},
    };
    int number = 0;
    for (const nerve::Pool2DShape& s : shapes) {
        const std::string name = label<T>("pool2d", number++);
        std::vector<T> x = uniform<T>(s.batch * s.height * s.width * s.channels);
        for (T& value : x) value = std::nearbyint(4 * value);  // small integers, so that windows hold ties
        const int64_t size = s.batch * s.out_height * s.out_width * s.channels;
        std::vector<T> grad = uniform<T>(size);
        Output<T> highest(size), average(size), grad_highest(x.size()), grad_average(x.size());
        std::vector<double> want_highest(size), want_average(size), want_grad_highest(x.size()),
            want_grad_average(x.size());
        for (int64_t at = 0; at < size; ++at) {
            const int64_t c = at % s.channels, j = at / s.channels % s.out_width;
            const int64_t i = at / s.channels / s.out_width % s.out_height,
                          n = at / s.channels / s.out_width / s.out_height;
            std::vector<int64_t> window;
            for (int64_t p = 0; p < s.pool_height; ++p)
                for (int64_t q = 0; q < s.pool_width; ++q) {
                    const int64_t y = i * s.stride_height - s.pad_top + p, z = j * s.stride_width - s.pad_left + q;
                    if (y >= 0 && y < s.height && z >= 0 && z < s.width)
                        window.push_back(((n * s.height + y) * s.width + z) * s.channels + c);
                }
            int64_t best = window.at(0);
            for (int64_t from : window) {
                if (x[from] > x[best]) best = from;
                want_average[at] += double(x[from]) / double(window.size());
                want_grad_average[from] += double(grad[at]) / double(window.size());
            }
            want_highest[at] = x[best];
            want_grad_highest[best] += grad[at];
        }
        k.max_pool2d(highest.data(), nullptr, nullptr, x.data(), s);
        close(name + " max alone", highest, want_highest, 0);
        Output<uint8_t> index(size);
        k.max_pool2d(highest.data(), index.data(), nullptr, x.data(), s);
        close(name + " max", highest, want_highest, 0);
        k.max_pool2d_backward(grad_highest.data(), grad.data(), index.data(), nullptr, s);
        close(name + " max backward", grad_highest, want_grad_highest);
        k.average_pool2d(average.data(), x.data(), s);
        close(name + " average", average, want_average);
        k.average_pool2d_backward(grad_average.data(), grad.data(), s);
        close(name + " average backward", grad_average, want_grad_average);
    }
}

}  // namespace

template <class T>
void products(const nerve::Kernels<T>& kernels) {
    matmul(kernels);
    conv(kernels);
    pool(kernels);
}
template void products(const nerve::Kernels<float>&);
template void products(const nerve::Kernels<double>&);

}  // namespace checks
