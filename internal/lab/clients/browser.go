package clients

import (
	"context"
	"fmt"
)

// browser starts a browser that is asked all questions in one process.
func (e *examination) browser(_ context.Context, d Definition) (asker, func(), error) {
	return nil, nil, fmt.Errorf("there is no driver for %s", d.Driver)
}
