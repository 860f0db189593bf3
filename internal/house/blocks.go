package house

import (
	"path/filepath"
	"regexp"
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
