// Command release makes the files of a release. The script build beside it calls it.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const usage = `usage: go run . COMMAND ARGS

  archive OUT DIR                       pack DIR as OUT (.tar.gz or .zip), the same octets for the same files
  gzip FILE...                          replace each FILE by FILE.gz, without name and time
  package OUT CONFIG                    make OUT (.deb, .rpm, .apk) as nfpm's CONFIG says; $VARIABLES come from the environment
  licences ROOT FLEET OUT               write the licence texts and licences.json of the programs in the modules ROOT and FLEET into OUT
  licences -table FILE ROOT FLEET       write the table of licences (-check: fail if FILE differs)
  sbom OUT LICENCES PLATFORM PROGRAM... write the CycloneDX bill of materials of the built programs
  roots OUT                             write the root certificates of the container

SOURCE_DATE_EPOCH is the time of everything.
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return flag.ErrHelp
	}
	name, args := args[0], args[1:]
	need := func(n int) error {
		if len(args) < n {
			return fmt.Errorf("%s needs %d arguments\n%s", name, n, usage)
		}
		return nil
	}
	switch name {
	case "archive":
		if err := need(2); err != nil {
			return err
		}
		epoch, err := sourceDate()
		if err != nil {
			return err
		}
		return archive(args[0], args[1], epoch)
	case "gzip":
		for _, f := range args {
			if err := gzipFile(f); err != nil {
				return err
			}
		}
		return nil
	case "package":
		if err := need(2); err != nil {
			return err
		}
		return pack(args[0], args[1])
	case "licences":
		return licencesCommand(args)
	case "sbom":
		if err := need(4); err != nil {
			return err
		}
		epoch, err := sourceDate()
		if err != nil {
			return err
		}
		return sbomCommand(args[0], args[1], args[2], args[3:], epoch)
	case "roots":
		if err := need(1); err != nil {
			return err
		}
		return roots(args[0])
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage)
}

// sourceDate is the time that everything in a release has: that of the commit.
func sourceDate() (time.Time, error) {
	var seconds int64
	if _, err := fmt.Sscan(os.Getenv("SOURCE_DATE_EPOCH"), &seconds); err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is not a number of seconds: %q", os.Getenv("SOURCE_DATE_EPOCH"))
	}
	return time.Unix(seconds, 0).UTC(), nil
}
