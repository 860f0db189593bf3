package watch

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/assaytls/assay/internal/house"
)

// A step of the database that somebody has taken stays as it is: docs/stability.md.
func TestPromises(t *testing.T) {
	var lines []string
	for i, m := range migrations {
		lines = append(lines, fmt.Sprintf("step %03d is %x", i+1, sha256.Sum256([]byte(m))))
	}
	house.Keep(t, "../../docs/stability/migrations.txt", lines, *update)
}
