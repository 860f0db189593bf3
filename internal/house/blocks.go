package house

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Rule says of blocks of code in the documentation by which test they are run, or why
// they are not.
type Rule struct {
	Page  string // its path, or a pattern of paths
	Match string // what the block's text begins with or has, a regular expression; "" is all
	By    string // directory and name of the test
	Why   string // for blocks that are not run: the reason
}

// Rules are asked in turn; the first that fits a block counts. TestBlocks wants one
// for every block of every page.
var Rules = []Rule{
	{Page: "README.md", Match: `^\$ `, By: "internal/cli TestReadmeTranscript"},
	{Page: "README.md", Match: `^// Prints a page`, By: "internal/house TestGuidePrograms"},
	{Page: "README.md", Match: `(?m)^assay (scan|serve) `, By: "fleet/command TestDocCommands"},
	{Page: "README.md", By: "internal/cli TestDocCommands"},

	{Page: "SECURITY.md", Match: `^sha256sum `, Why: "there is no release here; release/test checks one with sha256sum, in the full run"},
	{Page: "CONTRIBUTING.md", By: "internal/house TestContinuousIntegration"},
	{Page: "programs/README.md", By: "internal/rootstores TestEmbeddedTablesAreGenerated"},
	{Page: "assaycaddy/README.md", Match: `^https://internal`, By: "assaycaddy TestCaddyfile"},
	{Page: "assaycaddy/README.md", Match: `^\{"verifier"`, By: "assaycaddy TestDocumentedJSON"},
	{Page: "assaycaddy/README.md", Match: `^xcaddy build`, Why: "xcaddy takes the module from the proxy, which has released versions alone; the tests of the module load it into Caddy"},

	{Page: "docs/install.md", By: "internal/cli TestDocCommands"},
	{Page: "docs/commands.md", By: "internal/cli TestDocCommands"},
	{Page: "docs/root-programs.md", Match: `^v, err := `, By: "internal/house TestGuidePrograms"},
	{Page: "docs/root-programs.md", By: "internal/cli TestDocCommands"},
	{Page: "docs/clients.md", Match: `^\[`, By: "internal/cli TestDocDefinitions"},
	{Page: "docs/clients.md", Match: `^apt-get `, Why: "it changes the packages of the computer; .ci/run full installs them where it is meant to"},
	{Page: "docs/clients.md", By: "internal/cli TestDocCommands"},
	{Page: "docs/performance.md", By: "internal/house TestMeasurements"},
	{Page: "docs/recipes-duckdb.md", By: "fleet/summary TestRecipes"},

	{Page: "docs/scan.md", By: "fleet/command TestDocCommands"},
	{Page: "docs/watch.md", Match: `^# watch\.yaml`, By: "fleet/watch TestDocumentedConfig"},
	{Page: "docs/watch.md", Match: `^alerts:`, By: "fleet/alert TestDocumentation"},
	{Page: "docs/watch.md", Match: `--engine tls://`, Why: "it takes NATS servers and other machines; fleet/command TestServeEngine runs a service and workers with both here"},
	{Page: "docs/watch.md", By: "fleet/command TestDocCommands"},
	{Page: "docs/serve.md", Match: `^(web|scrape_configs):`, By: "fleet/command TestDocSettings"},
	{Page: "docs/serve.md", Match: `systemctl `, Why: "it changes the services of the computer; release/test runs the unit's command line from the package"},
	{Page: "docs/serve.md", By: "fleet/command TestDocCommands"},

	{Page: "docs/guides/crlite.md", Match: `^(# assay-filters\.(service|timer)|17 \*/6)`, By: "internal/house TestGuideUnits"},
	{Page: "docs/guides/crlite.md", Match: `^systemctl `, Why: "it changes the services of the computer; TestGuideUnits reads the units that it enables"},
	{Page: "docs/guides/crlite.md", Match: `^conf\.Filters = `, By: "internal/house TestGuidePrograms"},
	{Page: "docs/guides/*.md", Match: `^// `, By: "internal/house TestGuidePrograms"},
	{Page: "docs/guides/*.md", Match: `(?m)^(assay lab --dir lab .*|\$ go run \. )`, By: "internal/house TestGuidePrograms"},
	{Page: "docs/guides/*.md", Match: `^assay `, By: "internal/house TestGuideCommands"},
	{Page: "docs/guides/*.md", Match: `// Output:`, By: "internal/house TestGuides"},
}

var ruleMatches = func() (all []*regexp.Regexp) {
	for _, r := range Rules {
		all = append(all, regexp.MustCompile(r.Match))
	}
	return all
}()

// RuleFor is the index of the rule for a block of a page, -1 if there is none.
func RuleFor(page string, b Block) int {
	for i, r := range Rules {
		if fits, err := filepath.Match(r.Page, filepath.ToSlash(page)); err == nil && fits && ruleMatches[i].MatchString(b.Text) {
			return i
		}
	}
	return -1
}

// BlocksFor are the blocks of a page that the test by (directory and name) has to run.
// root is where the module begins.
func BlocksFor(root, page, by string) (blocks []Block, err error) {
	p, err := ReadPage(filepath.Join(root, page))
	if err != nil {
		return nil, err
	}
	for _, b := range p.Blocks {
		if i := RuleFor(page, b); i >= 0 && Rules[i].By == by {
			blocks = append(blocks, b)
		}
	}
	return blocks, nil
}

// runners are the tests that give lines of pages to a shell, and programs what such a
// line may run. Whoever writes on a page does not think of the computer on which the
// tests run, as root perhaps: what is not here is never run.
var (
	runners  = []string{"internal/cli TestDocCommands", "fleet/command TestDocCommands"}
	programs = []string{"assay", "curl", "jq", "printf", "mkdir"}
	builds   = regexp.MustCompile(`^go install (-C fleet )?\./cmd/assay(-fleet)?$`)

	quotedWord  = regexp.MustCompile(`'[^']*'|"[^"$` + "`" + `]*"`)
	lineComment = regexp.MustCompile(`\s+#.*$`)
	between     = regexp.MustCompile(`\|\||&&|\||;`)
	unsafeShell = regexp.MustCompile("[`&(){}]|\\$|\\.\\./|>\\s*[^\\s\\w.]|<\\s*[^\\s\\w.]")
)

// Runnable is an error if a line of a page is not to be given to a shell: it runs
// another program than those that are known to be harmless, or writes elsewhere than
// into the folder of the test.
func Runnable(line string) error {
	line = lineComment.ReplaceAllString(quotedWord.ReplaceAllString(line, "quoted"), "")
	if builds.MatchString(strings.TrimSpace(line)) {
		return nil
	}
	for part := range strings.SplitSeq(between.ReplaceAllString(line, "\n"), "\n") {
		words := strings.Fields(part)
		if len(words) == 0 || !slices.Contains(programs, words[0]) {
			return fmt.Errorf("the tests do not run %q: it runs another program than %s", line, strings.Join(programs, ", "))
		}
		if unsafe := unsafeShell.FindString(part); unsafe != "" {
			return fmt.Errorf("the tests do not run %q, because of %q", line, unsafe)
		}
	}
	return nil
}

// Commands are the lines of a block, those that go on in the next one joined.
func Commands(text string) (lines []string) {
	open := ""
	for line := range strings.Lines(text) {
		line = open + strings.TrimSpace(line)
		if rest, ok := strings.CutSuffix(line, `\`); ok {
			open = rest
			continue
		}
		if open = ""; line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
