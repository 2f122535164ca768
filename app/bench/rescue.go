package bench

import (
	"log/slog"
	"runtime/debug"
)

// rescue is the first deferred call of every goroutine here.
func rescue(log *slog.Logger, what string) {
	if v := recover(); v != nil {
		log.Error("panic", slog.String("what", what), slog.Any("value", v), slog.String("stack", string(debug.Stack())))
	}
}
