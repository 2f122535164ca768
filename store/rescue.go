package store

import (
	"log/slog"
	"runtime/debug"
)

// rescue is the first deferred call of every goroutine here: a panic is logged
// with its stack and ends that goroutine alone.
func rescue(log *slog.Logger, what string) {
	if r := recover(); r != nil {
		log.Error("panic", slog.String("in", what), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
	}
}
