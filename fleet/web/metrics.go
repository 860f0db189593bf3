package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/assaytls/assay/report"
)

// metrics are the service's own.
type metrics struct {
	registry *prometheus.Registry
	refused  *prometheus.CounterVec
	asked    *prometheus.CounterVec
	requests *prometheus.HistogramVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "assay_http_refused_total", Help: "requests of those who may not ask, or ask too much"}, []string{"status"}),
		asked:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "assay_asked_checks_total", Help: "checks that somebody asked for"}, []string{"verdict"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "assay_http_request_duration_seconds", Help: "how long answers took", Buckets: []float64{.005, .02, .1, .5, 2, 10, 60}}, []string{"route", "status"})}
	m.registry.MustRegister(m.refused, m.asked, m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &watching{s})
	return m
}

// watching are the metrics of the watch, read when they are asked for.
type watching struct{ s *Server }

var (
	descUp       = prometheus.NewDesc("assay_database_up", "1 when the database answers", nil, nil)
	descTargets  = prometheus.NewDesc("assay_targets", "targets that are watched, by the verdict of their newest check", []string{"verdict"}, nil)
	descOverdue  = prometheus.NewDesc("assay_targets_overdue", "targets that should have been checked by now", nil, nil)
	descOldest   = prometheus.NewDesc("assay_oldest_check_timestamp_seconds", "the oldest of the newest checks of all targets", nil, nil)
	descMessages = prometheus.NewDesc("assay_messages", "messages that wait to be delivered, and that were given up", []string{"state"}, nil)
	descEvent    = prometheus.NewDesc("assay_last_event", "number of the newest event", nil, nil)
	descChecks   = prometheus.NewDesc("assay_checks_total", "checks that this process made", nil, nil)
	descLost     = prometheus.NewDesc("assay_checks_unrecorded_total", "checks whose result was not stored", nil, nil)
	descEvents   = prometheus.NewDesc("assay_events_total", "events that this process stored", nil, nil)
	descUnmade   = prometheus.NewDesc("assay_checks_unmade_total", "checks that nobody could make, for reasons that are not their targets'", nil, nil)
	descAway     = prometheus.NewDesc("assay_workers_away", "1 while nobody is there to make checks (--engine)", nil, nil)
	descRunning  = prometheus.NewDesc("assay_checks_running", "checks under way", nil, nil)
)

func (w *watching) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUp, descTargets, descOverdue, descOldest, descMessages, descEvent, descChecks, descLost, descEvents, descRunning, descUnmade, descAway} {
		c <- d
	}
}

func (w *watching) Collect(c chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	if w.s.Counts != nil {
		n := w.s.Counts()
		send(descChecks, prometheus.CounterValue, float64(n.Checks))
		send(descLost, prometheus.CounterValue, float64(n.Unrecorded))
		send(descEvents, prometheus.CounterValue, float64(n.Events))
		send(descRunning, prometheus.GaugeValue, float64(n.Running))
		send(descUnmade, prometheus.CounterValue, float64(n.Unmade))
		send(descAway, prometheus.GaugeValue, truth(n.Away))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sum, err := w.s.Store.Summary(ctx, time.Now())
	send(descUp, prometheus.GaugeValue, truth(err == nil))
	if err != nil {
		return
	}
	send(descTargets, prometheus.GaugeValue, float64(sum.Accept), string(report.Accept))
	send(descTargets, prometheus.GaugeValue, float64(sum.Reject), string(report.Reject))
	send(descTargets, prometheus.GaugeValue, float64(sum.Inconclusive), string(report.Inconclusive))
	send(descTargets, prometheus.GaugeValue, float64(sum.Unchecked), "unchecked")
	send(descOverdue, prometheus.GaugeValue, float64(sum.Overdue))
	if !sum.Oldest.IsZero() {
		send(descOldest, prometheus.GaugeValue, float64(sum.Oldest.Unix()))
	}
	send(descMessages, prometheus.GaugeValue, float64(sum.Pending), "pending")
	send(descMessages, prometheus.GaugeValue, float64(sum.Dead), "dead")
	send(descEvent, prometheus.GaugeValue, float64(sum.Event))
}

// routes lists the operations of the API.
func (s *Server) routes() []route {
	all := append(readRoutes(), changeRoutes()...)
	if s.Alerts != nil {
		all = append(all, alertRoutes()...)
	}
	return all
}

// mux has everything that is answered.
func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	routes := s.routes()
	for _, o := range routes {
		mux.Handle(o.method+" "+o.path, s.timed(o.path, s.serve(o)))
	}
	document := openAPI(routes, s.Version)
	mux.Handle("GET /api/v1/openapi.json", s.timed("/api/v1/openapi.json", s.serve(route{method: "GET", answer: func(*Server, *request) (any, error) { return document, nil }})))
	mux.Handle("GET /healthz", s.timed("/healthz", s.health))
	mux.Handle("GET /probe", s.timed("/probe", s.probe))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 10, Timeout: 10 * time.Second}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, problem(http.StatusNotFound, "there is nothing here", "/api/v1/openapi.json says what there is"))
	})
	s.pages(mux)
	return mux
}

// health says whether the service works, and nothing about what it watches.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.Store.LastEvent(ctx); err != nil {
		if s.Trouble != nil {
			s.Trouble(err)
		}
		refuse(w, problem(http.StatusServiceUnavailable, "the database does not answer"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n")) // whoever went away is not told
}

// timed measures how long answers take.
func (s *Server) timed(name string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, status := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next(status, r)
		s.metrics.requests.WithLabelValues(name, strconv.Itoa(status.status)).Observe(time.Since(began).Seconds())
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
