// A kernel call kept with its arguments.
#pragma once
#include <tuple>
#include <utility>

#include "bind/arguments.h"
#include "bind/recording.h"

namespace nerve::bind {

template <class Function, class... A>
struct RecordedCall final : runtime::Call {
    Function function;
    std::tuple<typename Argument<A>::type...> arguments;

    RecordedCall(Function function, const typename Argument<A>::type&... arguments)
        : function(function), arguments(arguments...) {}

    void run() const override {
        std::apply([this](const auto&... argument) { function(Argument<A>::pass(argument)...); }, arguments);
    }
    void note(Notes& notes) {
        std::apply([&](auto&... argument) { (Argument<A>::note(argument, notes), ...); }, arguments);
    }
};

template <class... A, class Function, class... Arguments>
void Recording::append(const char* kernel, Function function, const Arguments&... arguments) {
    auto call = std::make_unique<RecordedCall<Function, A...>>(function, arguments...);
    runtime::Step step{kernel, nullptr, {}, {}, line_().template cast<std::string>()};
    Notes notes(step, arrays_);
    call->note(notes);
    step.call = std::move(call);
    program_.append(std::move(step));
}

}  // namespace nerve::bind
