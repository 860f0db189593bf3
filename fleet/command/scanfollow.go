package command

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/scan"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/report"
)

// follower shows how far a scan is: on a terminal as a line, to Prometheus as
// metrics.
type follower struct {
	a        *app
	quiet    bool
	progress atomic.Pointer[scan.Progress]

	mu    sync.Mutex
	bars  *mpb.Progress
	bar   *mpb.Bar
	stop  chan struct{}
	last  string // what was told last
	lastT time.Time
}

func (a *app) follow(quiet bool) *follower { return &follower{a: a, quiet: quiet} }

// begin shows p from now on.
func (f *follower) begin(p *scan.Progress) {
	f.progress.Store(p)
	file, ok := f.a.Stderr.(*os.File)
	if f.quiet || !ok || !command.Terminal(file) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop = make(chan struct{})
	f.bars = mpb.New(mpb.WithOutput(file), mpb.WithWidth(24), mpb.WithRefreshRate(250*time.Millisecond))
	state := p.State()
	f.bar = f.bars.AddBar(int64(state.Total),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { s := p.State(); return fmt.Sprintf("%d/%d ", s.Done, s.Total) })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + told(p.State()) })))
	go f.refresh(p, f.stop)
}

// told is the line behind the bar.
func told(s scan.State) string {
	line := fmt.Sprintf("%.0f/s  ok %d  refused %d  undecided %d", s.Rate, s.Tally.Accept, s.Tally.Reject, s.Tally.Inconclusive)
	if s.Left > 0 && s.Done < s.Total {
		line += "  " + s.Left.Round(time.Second).String() + " left"
	}
	if n := len(s.Problems); n > 0 {
		line += "  " + finding.Quote(s.Problems[n-1])
	}
	return line
}

func (f *follower) refresh(p *scan.Progress, stop chan struct{}) {
	for {
		f.bar.SetCurrent(int64(p.State().Done))
		select {
		case <-time.After(250 * time.Millisecond):
		case <-stop:
			return
		}
	}
}

// end removes the line.
func (f *follower) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bars == nil {
		return
	}
	close(f.stop)
	f.bar.Abort(true)
	f.bars.Wait()
	f.bars = nil
}

// told passes on what may explain a standstill, the same at most once a minute.
func (f *follower) told(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s == f.last && time.Since(f.lastT) < time.Minute {
		return
	}
	f.last, f.lastT = s, time.Now()
	if f.bars != nil {
		fmt.Fprintf(f.bars, "assay: warning: %s\n", command.QuoteLines(s))
		return
	}
	f.a.Warn(fmt.Errorf("%s", s))
}

// The metrics of a scan.
var (
	scanDone = prometheus.NewDesc("assay_scan_targets_done", "Targets that have a result.", nil, nil)
	scanAll  = prometheus.NewDesc("assay_scan_targets", "Targets of the job.", nil, nil)
	scanRate = prometheus.NewDesc("assay_scan_targets_per_second", "Results a second, over the last ten seconds.", nil, nil)
	scanRows = prometheus.NewDesc("assay_scan_results_total", "Results of this run, by verdict.", []string{"verdict"}, nil)
	scanMore = prometheus.NewDesc("assay_scan_retried_total", "Targets of this run that were probed more than once.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f *follower) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{scanDone, scanAll, scanRate, scanRows, scanMore} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (f *follower) Collect(c chan<- prometheus.Metric) {
	p := f.progress.Load()
	if p == nil {
		return
	}
	s := p.State()
	c <- prometheus.MustNewConstMetric(scanDone, prometheus.GaugeValue, float64(s.Done))
	c <- prometheus.MustNewConstMetric(scanAll, prometheus.GaugeValue, float64(s.Total))
	c <- prometheus.MustNewConstMetric(scanRate, prometheus.GaugeValue, s.Rate)
	for verdict, n := range map[report.Verdict]uint64{report.Accept: s.Tally.Accept, report.Reject: s.Tally.Reject, report.Inconclusive: s.Tally.Inconclusive, "skipped": s.Tally.Skipped} {
		c <- prometheus.MustNewConstMetric(scanRows, prometheus.CounterValue, float64(n), string(verdict))
	}
	c <- prometheus.MustNewConstMetric(scanMore, prometheus.CounterValue, float64(s.Tally.Retried))
}

// serve serves the metrics at addr, "" nowhere.
func (f *follower) serve(addr string) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, target.Usagef("--metrics: %v", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(f)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go s.Serve(ln)
	return func() { s.Close() }, nil
}
