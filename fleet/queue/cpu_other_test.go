//go:build !unix

package queue

import "time"

// cpu is not measured here.
func cpu() time.Duration { return 0 }
