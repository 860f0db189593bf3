//go:build unix

package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// movingParts of a transcript differ from run to run: times, ports, spans, shares.
var movingParts = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|(:)\d{4,5}\b|\b\d+ (days?|minutes?|hours?)( \d+ \w+)?|\b\d+%`)

// still is a transcript without its moving parts and without its line breaks, whose
// places depend on them.
func still(s string) string {
	return strings.Join(strings.Fields(movingParts.ReplaceAllString(s, "$1N")), " ")
}

// The transcript in the README, typed as it stands, prints what stands there, and the
// lines at the top of the README are its beginning.
func TestReadmeTranscript(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][]string // indented blocks that begin with a prompt
	var block []string
	for line := range strings.Lines(string(b) + "end") {
		text, in := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if in || text == "" && block != nil {
			block = append(block, text)
			continue
		}
		if len(block) > 0 && strings.HasPrefix(block[0], "$ ") {
			blocks = append(blocks, block)
		}
		block = nil
	}
	if len(blocks) != 2 {
		t.Fatalf("%d transcripts in the README, want the first lines and the whole", len(blocks))
	}
	var script, want, commands strings.Builder
	for _, line := range blocks[1] {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			want.WriteString(line + "\n")
			continue
		}
		if !strings.Contains(command, "kill %1") { // the shell of a test has no jobs
			script.WriteString(command + "\n")
		}
		commands.WriteString(command + "\n")
	}
	script.WriteString("kill $!; wait $!\n")
	cmd := exec.Command("sh", "-c", script.String())
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	out, err := cmd.Output()
	if got := still(string(out)); got != still(want.String()) {
		t.Errorf("%v\nthe transcript gives\n%s\nand in the README stands\n%s", err, got, still(want.String()))
	}
	for i, line := range blocks[0] {
		if i == 0 && !strings.Contains(commands.String(), strings.TrimPrefix(line, "$ ")) || i > 0 && !strings.Contains(want.String(), line+"\n") {
			t.Errorf("the first lines say %q, and the transcript does not", line)
		}
	}
	if entries, _ := os.ReadDir(cmd.Env[len(cmd.Env)-1][len("XDG_CACHE_HOME="):]); len(entries) > 0 {
		t.Errorf("the lab's commands filled the user's cache: %v", entries)
	}
}
