package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/test/process"
)

// cli uses the installation through the command line.
type cli struct {
	program string
	// config is the path of cli.json.
	config string
}

// show returns what people would see on stdout; progress gets what they would
// see besides, and may be nil.
func (c *cli) show(ctx context.Context, progress io.Writer, args ...string) (string, error) {
	var result, complaint bytes.Buffer
	cmd := process.Command(exec.CommandContext(ctx, c.program, args...))
	cmd.Env = append(os.Environ(), "SITEPLANE_CONFIG="+c.config)
	cmd.Stdout, cmd.Stderr = &result, &complaint
	if progress != nil {
		cmd.Stderr = io.MultiWriter(&complaint, progress)
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("`siteplane %s`: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return result.String(), nil
}

// read puts the JSON result of a command into a message.
func (c *cli) read(ctx context.Context, into proto.Message, progress io.Writer, args ...string) error {
	result, err := c.show(ctx, progress, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal([]byte(result), into); err != nil {
		return fmt.Errorf("read the JSON of `siteplane %s`: %w", strings.Join(args, " "), err)
	}
	return nil
}

// site reads a command that prints a site with its operation.
func (c *cli) site(ctx context.Context, progress io.Writer, args ...string) (*lifecyclev1.GetSiteResponse, error) {
	found := &lifecyclev1.GetSiteResponse{}
	return found, c.read(ctx, found, progress, append([]string{"site"}, args...)...)
}

// timeline reads what happened to a site, oldest first.
func (c *cli) timeline(ctx context.Context, siteID string) ([]*lifecyclev1.TimelineEntry, error) {
	found := &lifecyclev1.GetSiteTimelineResponse{}
	err := c.read(ctx, found, nil, "site", "timeline", siteID)
	return found.GetEntries(), err
}

// find is the text at a path in the JSON that a command has printed.
func find(printed string, path ...string) (string, error) {
	var at any
	if err := json.Unmarshal([]byte(printed), &at); err != nil {
		return "", fmt.Errorf("read the JSON of a command: %w", err)
	}
	for _, step := range path {
		object, _ := at.(map[string]any)
		at = object[step]
	}
	text, ok := at.(string)
	if !ok || text == "" {
		return "", fmt.Errorf("the command printed nothing at %s", strings.Join(path, "."))
	}
	return text, nil
}
