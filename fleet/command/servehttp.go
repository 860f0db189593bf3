package command

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// handler answers with what is known.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		sum, err := s.store.Summary(r.Context(), time.Now())
		answer(w, sum, err)
	})
	mux.HandleFunc("GET /api/v1/targets", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limit, _ := strconv.Atoi(q.Get("limit"))
		page, err := s.store.Targets(r.Context(), watch.TargetQuery{Search: q.Get("q"), Page: q.Get("page"), Limit: limit}, time.Now())
		answer(w, page, err)
	})
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
		events, err := s.store.Events(r.Context(), watch.EventQuery{After: after})
		answer(w, events, err)
	})
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case errors.Is(err, watch.ErrPage), errors.Is(err, watch.ErrNotFound):
		w.WriteHeader(http.StatusNotFound)
		v = map[string]string{"error": err.Error()}
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
		v = map[string]string{"error": "the database cannot be read"}
	}
	_ = json.NewEncoder(w).Encode(v) // whoever went away is not told
}
