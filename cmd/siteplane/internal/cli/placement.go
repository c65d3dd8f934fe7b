package cli

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const wherePlacements = "`siteplane placement list` shows the placements"

// placement is the command group for placements.
func (a *app) placement() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "placement",
		Short: "Say which edges serve which sites (platform admins), and see what there is to choose",
		Long: "Say which edges serve which sites, and see what there is to choose. A site is created with a\n" +
			"placement and keeps it; the placement named default is that of sites without one, and every\n" +
			"edge where nobody made it.",
	})
	command.AddCommand(a.placementPut(), a.placementList(), a.placementDelete())
	return command
}

// placementFlags are what a placement asks for.
type placementFlags struct {
	labels   labelFlags
	minReady int32
	soak     time.Duration
}

func (a *app) placementPut() *cobra.Command {
	flags := &placementFlags{}
	command := &cobra.Command{
		Use:   "put PLACEMENT",
		Short: "Make a placement, or replace all of the one of that name",
		Long: "Make a placement, or replace all of the one of that name: what no flag says is the default\n" +
			"then. Its sites come to the edges that have the labels, and go from those that have not; many\n" +
			"that go are held until `siteplane hold confirm`.",
		Example: "  siteplane placement put eu --edge-label region=eu --min-ready 2\n" +
			"  siteplane placement put default --canary-soak 5m",
		Args: exactly("PLACEMENT"),
	}
	set := command.Flags()
	set.SortFlags = false
	set.Var(&flags.labels, "edge-label", "`KEY=VALUE` that an edge must have; repeat for more (default none: every edge)")
	set.Int32Var(&flags.minReady, "min-ready", 0, "how many edges, `N`, must have proved something before it counts as done (default 0: every edge seen lately)")
	set.DurationVar(&flags.soak, "canary-soak", 0, "how long, `DURATION`, canaries must run a new revision unharmed before the others are sent it (default 0: they only go first)")
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		put, err := change(command.Context(), s, s.infrastructure.PutPlacement, &lifecyclev1.PutPlacementRequest{Placement: flags.named(args[0])})
		if err != nil {
			return err
		}
		if put.GetPlacement().GetEdgeCount() == 0 {
			hint(command, "no edge has its labels: its sites wait until one does; see: siteplane edge label --help")
		}
		return a.print(command, &placementView{placement: put.GetPlacement(), now: a.deps.Now()})
	})
}

func (f *placementFlags) named(name string) *lifecyclev1.Placement {
	return &lifecyclev1.Placement{Name: name, EdgeLabels: f.labels, MinReady: f.minReady, CanarySoak: durationpb.New(f.soak)}
}

func (a *app) placementList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the placements, by name, and how many edges each has",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			placements, err := listPlacements(command.Context(), s)
			if err != nil {
				return err
			}
			return a.print(command, &placementListView{placements: placements, now: a.deps.Now()})
		}),
	}
}

func listPlacements(ctx context.Context, s *session) ([]*lifecyclev1.Placement, error) {
	list, err := call(ctx, s, callTimeout, s.infrastructure.ListPlacements, &lifecyclev1.ListPlacementsRequest{})
	return list.GetPlacements(), err
}

func (a *app) placementDelete() *cobra.Command {
	command := &cobra.Command{
		Use:   "delete PLACEMENT",
		Short: "Delete a placement that no site has",
		Args:  exactly("PLACEMENT"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		if _, err := change(command.Context(), s, s.infrastructure.DeletePlacement, &lifecyclev1.DeletePlacementRequest{Name: args[0]}); err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, wherePlacements)
		}
		return a.print(command, &placementView{placement: &lifecyclev1.Placement{Name: args[0]}, deleted: true})
	})
}

// placementView shows one placement, or that it was deleted.
type placementView struct {
	placement *lifecyclev1.Placement
	deleted   bool
	now       time.Time
}

func (v *placementView) json() (json.RawMessage, error) {
	placement, err := protoJSON(v.placement)
	if err != nil {
		return nil, err
	}
	name := "placement"
	if v.deleted {
		name = "deleted"
	}
	return json.Marshal(map[string]json.RawMessage{name: placement})
}

func (v *placementView) write(p *page) {
	if v.deleted {
		p.table([]string{"Name", v.placement.GetName()}, []string{"Created", "no more"})
		return
	}
	p.table(
		[]string{"Name", v.placement.GetName()},
		[]string{"Edge labels", labelLine(v.placement.GetEdgeLabels())},
		[]string{"Edges", strconv.Itoa(int(v.placement.GetEdgeCount()))},
		[]string{"Canaries", strconv.Itoa(int(v.placement.GetCanaryCount()))},
		[]string{"Min ready", minReady(v.placement)},
		[]string{"Canary soak", v.placement.GetCanarySoak().AsDuration().String()},
		[]string{"Created", moment(v.placement.GetCreateTime(), v.now)},
	)
}

// minReady is how many edges must be ready, in words where it is no number.
func minReady(placement *lifecyclev1.Placement) string {
	if placement.GetMinReady() == 0 {
		return "all"
	}
	return strconv.Itoa(int(placement.GetMinReady()))
}

// placementListView shows placements as one table or one JSON object.
type placementListView struct {
	placements []*lifecyclev1.Placement
	now        time.Time
}

func (v *placementListView) json() (json.RawMessage, error) {
	return listJSON("placements", v.placements)
}

func (v *placementListView) write(p *page) {
	rows := [][]string{{"NAME", "EDGES", "CANARIES", "MIN READY", "SOAK", "AGE", "EDGE LABELS"}}
	for _, placement := range v.placements {
		rows = append(rows, []string{
			placement.GetName(), strconv.Itoa(int(placement.GetEdgeCount())), strconv.Itoa(int(placement.GetCanaryCount())),
			minReady(placement), placement.GetCanarySoak().AsDuration().String(), age(placement.GetCreateTime(), v.now),
			labelLine(placement.GetEdgeLabels()),
		})
	}
	p.table(rows...)
}
