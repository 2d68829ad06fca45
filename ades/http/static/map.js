/* Maps that move, in the place of the pictures that the server has drawn; and boxes drawn by hand. */
"use strict";

const ground = async (address) => {
  const answer = await fetch(address);
  return L.geoJSON(await answer.json(), { interactive: false, className: "land" });
};
const world = [[-90, -180], [90, 180]];
const make = (element) => L.map(element, { crs: L.CRS.EPSG4326, attributionControl: false, zoomSnap: 0.25, maxBounds: [[-120, -260], [120, 260]] });

const show = async (element) => {
  const land = await ground(element.dataset.land);
  const data = JSON.parse(element.dataset.map);
  element.replaceChildren();
  element.classList.add("moving");
  const map = make(element);
  land.addTo(map);
  for (const { geometry, properties } of data.features) {
    if (properties.picture) L.imageOverlay(properties.picture, L.geoJSON(geometry).getBounds(), { alt: properties.name }).addTo(map);
  }
  const layer = L.geoJSON(data, {
    className: "footprint",
    pointToLayer: (_, place) => L.circleMarker(place, { radius: 6, className: "footprint" }),
    onEachFeature: ({ properties }, shape) => {
      const label = document.createElement(properties.href ? "a" : "span");
      if (properties.href) label.href = properties.href;
      label.textContent = properties.name || "Footprint";
      shape.bindPopup(label);
    },
  }).addTo(map);
  const bounds = layer.getBounds();
  map.fitBounds(bounds.isValid() ? bounds.pad(0.35) : world, { maxZoom: 5, animate: false });
  layer.eachLayer((shape) => { /* what is too small to be seen gets a ring around it */
    if (!shape.getBounds) return;
    const box = shape.getBounds(), [a, b] = [map.latLngToLayerPoint(box.getNorthWest()), map.latLngToLayerPoint(box.getSouthEast())];
    if (a.distanceTo(b) < 16) L.circleMarker(box.getCenter(), { radius: 9, className: "footprint", interactive: false }).addTo(map);
  });
};

/* A bounding box: two clicks on a map fill in the four numbers; the numbers move the box. */
const draw = (box) => {
  const sides = ["west", "south", "east", "north"].map((side) => document.getElementById(`${box.dataset.box}-${side}`));
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Draw it on a map";
  box.after(button);
  button.addEventListener("click", async () => {
    const element = document.createElement("div");
    element.className = "map moving";
    const hint = document.createElement("p");
    hint.className = "note";
    hint.textContent = "Click one corner, then the opposite one.";
    button.replaceWith(hint, element);
    const map = make(element);
    (await ground(box.dataset.land)).addTo(map);
    const shape = L.rectangle([[0, 0], [0, 0]], { className: "footprint", interactive: false });
    const now = () => {
      const [west, south, east, north] = sides.map((side) => parseFloat(side.value));
      return [west, south, east, north].every(Number.isFinite) ? L.latLngBounds([[south, west], [north, east]]) : null;
    };
    const redraw = () => { const found = now(); if (found) shape.setBounds(found).addTo(map); return found; };
    const found = redraw();
    map.fitBounds(found ? found.pad(0.5) : world, { animate: false });
    let corner = null;
    const stretch = ({ latlng }) => { if (corner) shape.setBounds(L.latLngBounds(corner, latlng)).addTo(map); };
    map.on("mousemove", stretch).on("click", (event) => {
      if (!corner) { corner = event.latlng; return; }
      stretch(event);
      const bounds = shape.getBounds();
      [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].forEach((value, n) => {
        sides[n].value = Math.max(n % 2 ? -90 : -180, Math.min(n % 2 ? 90 : 180, value)).toFixed(4);
      });
      corner = null;
    });
    sides.forEach((side) => side.addEventListener("input", redraw));
  });
};

for (const element of document.querySelectorAll("[data-map]")) show(element);
for (const box of document.querySelectorAll("[data-box]")) draw(box);
