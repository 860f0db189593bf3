//go:build linux || darwin

package sink

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The child process of the tests below stores batches and says of each that it
// is stored, until it is killed or cannot go on.
const childFolder, childLimit = "ASSAY_SINK_FOLDER", "ASSAY_SINK_LIMIT"

const childBatches = 40

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

func child(dir string) int {
	if limit, err := strconv.ParseUint(os.Getenv(childLimit), 10, 64); err == nil {
		// No file grows beyond it, as if the disk were full.
		signal.Ignore(syscall.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	w := &Writer{dir: dir, partRows: 800, step: func(string) error { return nil }}
	if err := w.open(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for n := range uint64(childBatches) {
		if w.Has(n) {
			continue
		}
		if err := w.Add(batch(n, 50)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			w.Close()
			return 1
		}
		fmt.Println(n)
	}
	if err := w.Finish(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("finished")
	return 0
}

// start starts a child for the folder.
func start(t *testing.T, dir string, env ...string) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, childFolder+"="+dir)...)
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out, errs
}

// stored fails unless every batch that a child has said to be stored is.
func stored(t *testing.T, dir string, out *bytes.Buffer) (finished bool) {
	t.Helper()
	w := open(t, dir)
	defer w.release()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "finished" {
			finished = true
		} else if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil && !w.Has(n) {
			t.Errorf("batch %d was said to be stored, and is lost", n)
		}
	}
	return finished
}

func children() (all []Batch) {
	for n := range uint64(childBatches) {
		all = append(all, batch(n, 50))
	}
	return all
}

// A writer that is killed at any moment, again and again, loses nothing that it
// took and doubles nothing.
func TestKilled(t *testing.T) {
	rounds := 15
	if os.Getenv("ASSAY_FULL") != "" {
		rounds = 100
	}
	dir := t.TempDir()
	kills := 0
	for range rounds {
		cmd, out, errs := start(t, dir)
		time.Sleep(time.Duration(20+rand.IntN(400)) * time.Millisecond)
		cmd.Process.Kill()
		if err := cmd.Wait(); err != nil {
			kills++
		}
		if errs.Len() > 0 {
			t.Fatalf("%s", errs)
		}
		if stored(t, dir, out) {
			once(t, dir, children()...)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd, out, errs := start(t, dir)
	if err := cmd.Wait(); err != nil || !stored(t, dir, out) {
		t.Fatalf("%v %s", err, errs)
	}
	once(t, dir, children()...)
	t.Logf("killed %d times", kills)
}

// A disk that is full ends the writer, wherever it happens. What it took is
// there, and with room again the job goes on.
func TestDiskFull(t *testing.T) {
	for limit := uint64(1 << 9); limit < 1<<18; limit = limit * 2 {
		dir := t.TempDir()
		cmd, out, errs := start(t, dir, childLimit+"="+strconv.FormatUint(limit, 10))
		err := cmd.Wait()
		if finished := strings.Contains(out.String(), "finished"); err == nil != finished || !finished && !strings.Contains(errs.String(), "file too large") {
			t.Errorf("%d octets: %v %s", limit, err, errs)
		}
		stored(t, dir, out)
		cmd, out, errs = start(t, dir)
		if err := cmd.Wait(); err != nil || !stored(t, dir, out) {
			t.Fatalf("%d octets: with room again: %v %s", limit, err, errs)
		}
		once(t, dir, children()...)
	}
}
