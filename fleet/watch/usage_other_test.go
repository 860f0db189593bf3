//go:build !unix

package watch

import (
	"testing"
	"time"
)

// usage is not measured here.
func usage(testing.TB) time.Duration { return 0 }
