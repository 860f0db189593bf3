package target

import "fmt"

// Usage is a request that cannot be carried out as it was made, with advice.
type Usage struct {
	Msg   string
	Hints []string
}

func (e *Usage) Error() string { return e.Msg }

// Usagef returns a Usage without hints.
func Usagef(format string, args ...any) *Usage {
	return &Usage{Msg: fmt.Sprintf(format, args...)}
}

// Hint returns e with one more hint.
func (e *Usage) Hint(format string, args ...any) *Usage {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}
