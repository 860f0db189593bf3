package engine_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/report"
)

// Who answers once in the server's place, with garbage and the server's own
// ETag, does not make the server confirm the garbage from then on.
func TestGarbageConfirmed(t *testing.T) {
	for _, control := range []string{"", "no-cache"} {
		t.Run(control, func(t *testing.T) {
			var honest atomic.Bool
			w := newWeather(t, func(w *weather) http.HandlerFunc {
				return func(rw http.ResponseWriter, r *http.Request) {
					rw.Header().Set("Etag", `"1"`)
					rw.Header().Set("Cache-Control", control)
					switch {
					case !honest.Load():
						fmt.Fprint(rw, "garbage")
					case r.Header.Get("If-None-Match") == `"1"`:
						rw.WriteHeader(http.StatusNotModified)
					default:
						rw.Write(w.root.CRL(w.list))
					}
				}
			})
			w.dir = filepath.Join(t.TempDir(), "cache")
			e, leaf := w.engine(t), w.leaf()
			if r := resolve(e, leaf, engine.Policy{}); r.Verdict != report.Inconclusive {
				t.Fatal(r.Verdict, findings(r))
			}
			honest.Store(true)
			for range 3 {
				if r := resolve(e, leaf, engine.Policy{}); r.Verdict != report.Accept {
					t.Error(r.Verdict, findings(r))
				}
			}
			before := w.hits.Load()
			if r := resolve(w.engine(t), leaf, engine.Policy{}); r.Verdict != report.Accept || control == "" && w.hits.Load() != before {
				t.Error("from the disk:", r.Verdict, findings(r))
			}
		})
	}
}
