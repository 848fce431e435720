// Shapes of marks around (0, 0), for a mark of about twelve units.
const SHAPES = {
  circle: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
  square: "M-4.5 -4.5h9v9h-9z",
  triangle: "M0 -5.6L5.4 4.2H-5.4z",
  diamond: "M0 -6L6 0L0 6L-6 0z",
  "turned-triangle": "M0 5.6L5.4 -4.2H-5.4z",
  plus: "M-2 -5.5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5v-4h3.5z",
  cross: "M-5.3 -2.5L-2.5 -5.3L0 -2.8L2.5 -5.3L5.3 -2.5L2.8 0L5.3 2.5L2.5 5.3L0 2.8L-2.5 5.3L-5.3 2.5L-2.8 0z",
  star: "M0 -7L1.7 -2.3L6.7 -2.2L2.7 0.9L4.1 5.7L0 2.9L-4.1 5.7L-2.7 0.9L-6.7 -2.2L-1.7 -2.3z",
};
