package command

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// part is a part of a scan in a process of its own, which is started again when it
// falls.
type part struct {
	name  string
	args  func() []string
	p     *process
	over  bool
	falls int
}

// Publisher with queue, collector and workers are killed at random, or stand still as
// a machine that sleeps does: every target has one row, and none was set aside.
func TestKilled(t *testing.T) {
	t.Parallel() // it mostly waits for work to come again
	n, kills, pause, flight := 3000, 8, 300*time.Millisecond, "5"
	if full() {
		n, kills, pause, flight = 100_000, 100, time.Second, "60"
		if half, err := strconv.Atoi(os.Getenv("ASSAY_FULL")); err == nil && half > 1 {
			n, kills = 1000*half, half // so many thousand targets
		}
	}
	w := newWorld(t)
	list, jobDir, results := w.list(t, n), dirOf(t), dirOf(t)
	token := filepath.Join(t.TempDir(), "token")
	addr := freeAddress(t)
	if err := makeToken(token); err != nil {
		t.Fatal(err)
	}
	join := []string{"--engine", "nats://" + addr, "--token-file", token}
	begun := func() bool { _, err := os.Stat(filepath.Join(jobDir, "manifest.json")); return err == nil }
	publish := &part{name: "publisher", args: func() []string {
		here := []string{"--listen", addr, "--token-file", token, "--no-worker", "--no-collect"}
		if begun() {
			return append([]string{"scan", "--resume", jobDir}, here...)
		}
		return w.flagged(append([]string{"scan", list, "-o", jobDir}, here...)...)
	}}
	parts := []*part{publish,
		{name: "collector", args: func() []string { return append([]string{"scan", "collect", "-o", results}, join...) }},
		{name: "worker 1", args: func() []string { return append([]string{"scan", "worker", "--in-flight", flight}, join...) }},
		{name: "worker 2", args: func() []string { return append([]string{"scan", "worker", "--in-flight", flight}, join...) }}}
	publish.p = start(t, publish.args()...)
	waitFor(t, begun)
	for _, p := range parts[1:] {
		p.p = start(t, p.args()...)
	}
	waitFor(t, func() bool { return journalled(results) > 0 })
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	done := 0
	for began := time.Now(); ; time.Sleep(pause/2 + time.Duration(r.Int64N(int64(pause)))) {
		over := true
		for _, p := range parts {
			p.look(t, publish)
			over = over && p.over
		}
		if over {
			break
		}
		if time.Since(began) > 40*time.Minute || !full() && time.Since(began) > 4*time.Minute {
			for _, p := range parts {
				t.Logf("%s: over %v, fell %d times, says: %s", p.name, p.over, p.falls, p.p.out.String())
			}
			t.Fatalf("the scan did not end; %d octets are stored", journalled(results))
		}
		p := parts[r.IntN(len(parts))]
		if done >= kills || p.over {
			continue
		}
		done++
		if done%5 == 0 && p != publish {
			p.p.Process.Signal(syscall.SIGSTOP)
			time.Sleep(testAckWait + time.Second)
			p.p.Process.Signal(syscall.SIGCONT)
			continue
		}
		p.falls++
		p.p.Process.Kill()
		<-p.p.end
		p.p = start(t, p.args()...)
	}
	for _, p := range parts {
		t.Logf("%s fell %d times", p.name, p.falls)
	}
	if done < kills {
		t.Errorf("the scan was over after %d kills of %d", done, kills)
	}
	accepted(t, rows(t, results), n)
	// A publisher that is started once more knows that all is done, without a collector.
	again := start(t, publish.args()...)
	if status := again.ended(t, time.Minute); status != 0 || !strings.Contains(again.out.String(), strconv.Itoa(n)+" accepted") {
		t.Errorf("status %d, %s", status, again.out.String())
	}
}

// look sees whether the part has ended by itself: because all is done, or because it
// was started while there was no publisher to join.
func (p *part) look(t *testing.T, publish *part) {
	t.Helper()
	if p.over {
		return
	}
	select {
	case <-p.p.end:
		status := p.p.ProcessState.ExitCode()
		if status == 2 && p != publish && strings.Contains(p.p.out.String(), "cannot be reached") {
			if publish.over {
				p.over = true
				return
			}
			p.p = start(t, p.args()...)
			return
		}
		if status != 0 {
			t.Fatalf("%s ended with status %d: %s", p.name, status, p.p.out.String())
		}
		p.over = true
	default:
		// One that was started anew when the job had just ended waits for another, and goes on waiting
		// when the queue is gone.
		if publish.over && strings.Contains(p.p.out.String(), "waiting for one") {
			p.p.Process.Kill()
			<-p.p.end
			p.over = true
		}
	}
}

// A single process that is killed again and again loses nothing and does little twice.
func TestKilledAlone(t *testing.T) {
	const n = 3000
	w := newWorld(t)
	dir := dirOf(t)
	args := w.flagged("scan", w.list(t, n), "-o", dir, "--in-flight", "20")
	for i := range 5 {
		had := journalled(dir)
		p := start(t, args...)
		waitFor(t, func() bool { return journalled(dir) > had+1000 || len(p.end) > 0 })
		p.Process.Kill()
		<-p.end
		if args = []string{"scan", "--resume", dir}; i == 0 {
			if status, out := call(t, "scan", "--resume", dir, "--private=false"); status != 2 {
				t.Errorf("other rules: status %d, %s", status, out)
			}
		}
	}
	if status, out := call(t, args...); status != 0 {
		t.Errorf("status %d, %s", status, out)
	}
	accepted(t, rows(t, dir), n)
}

// A disk that is full stops the scan and says so; with room it goes on, and nothing is
// lost. It needs the right to mount.
func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	const n = 6000
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=20m"); err != nil {
		t.Logf("no file system can be mounted here (%v): the limit of a file's size stands in for it", err)
		t.SkipNow()
	}
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	dir := filepath.Join(disk, "job")
	p := start(t, w.flagged("scan", w.list(t, n), "-o", dir)...)
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { // it has begun
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the scan does not begin")
		}
	}
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	if status := p.ended(t, 3*time.Minute); status != 2 {
		t.Errorf("status %d", status)
	}
	contains(t, p.out.String(), "no space left on device", "assay scan --resume "+dir)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if status, out := call(t, "scan", "--resume", dir); status != 0 {
		t.Errorf("status %d, %s", status, out)
	}
	accepted(t, rows(t, dir), n)
}

// fill takes all the room that is left on a disk.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}
